// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

/// What the system refuses reaches users in this package's words, whatever is read or written.
@Suite("Errors of the system")
struct SystemErrorTests {
  /// A path that cannot be read or written, and the reason.
  enum Obstacle: String, CaseIterable, CustomTestStringConvertible {
    case missing, folder, belowFile, longName, circle, danglingLink, pipe, forbidden

    var testDescription: String { rawValue }

    /// Puts the obstacle into a folder.
    func place(in folder: URL) throws -> URL {
      let manager = FileManager.default
      let url = folder.appending(path: rawValue)
      switch self {
      case .missing: return url.appending(path: "nothing")
      case .folder: try manager.createDirectory(at: url, withIntermediateDirectories: true)
      case .belowFile:
        try Data("text".utf8).write(to: url)
        return url.appending(path: "below")
      case .longName: return folder.appending(path: String(repeating: "n", count: 300))
      case .circle:
        try manager.createSymbolicLink(atPath: url.path, withDestinationPath: rawValue)
      case .danglingLink:
        try manager.createSymbolicLink(atPath: url.path, withDestinationPath: "nowhere/at/all")
      case .pipe: #expect(mkfifo(url.path, 0o600) == 0)
      case .forbidden:
        try Data("text".utf8).write(to: url)
        try manager.setAttributes([.posixPermissions: 0], ofItemAtPath: url.path)
      }
      return url
    }
  }

  private typealias Action = (name: String, body: (URL) throws -> Void)

  private static var readers: [Action] {
    [
      ("recipe", { _ = try RecipeFile(contentsOf: $0).recipe() }),
      ("run", { _ = try TrainingRun.open($0) }), ("run's plan", { _ = try RunPlan(reading: $0) }),
      ("report", { _ = try ReportedRun(readingFrom: $0) }),
      ("curve of a run", { _ = try LossCurve(run: $0) }),
      ("log", { _ = try RunLogReader.records(path: $0.path) }),
      ("log's audit", { _ = try RunLogAudit(path: $0.path) }),
      ("CSV", { _ = try LossCurve(csv: $0.path, parameterCount: 1, tokensPerStep: 1) }),
      ("plan", { _ = try StagePlan(reading: $0) }),
      ("inspection", { _ = try Inspection.of($0) }),
      ("receipt", { _ = try GrowthReceipt(contentsOf: $0) }),
      ("family", { _ = try FamilyFile(contentsOf: $0) }),
      ("merge recipe", { _ = try MergeRecipe(contentsOf: $0) }),
      ("growth", { _ = try GrowthSource(reading: $0) }),
      ("model", { _ = try ModelDirectory(reading: $0) }),
      ("model's place", { _ = try ModelLocation(of: $0) }),
      ("state", { _ = try TrainingState(reading: $0) }),
      ("status", { _ = try TrainingState.status(in: $0) }),
      ("safetensors", { _ = try SafetensorsFile($0) }), ("digest", { _ = try FileDigest(of: $0) }),
      ("index", { _ = try ShardIndex(reading: $0) }),
      ("manifest", { _ = try Manifest(reading: $0) }),
      ("manifest of files", { _ = try Manifest(of: $0) }),
      ("checkpoint", { try CheckpointDirectory.verify($0) }),
      ("checkpoints", { _ = try CheckpointStore($0).latestValid() }),
      ("tokens", { _ = try TokenDataset.open($0, verify: true) }),
      ("tokenizer", { _ = try TokenizerLoader.load(from: $0) }),
      ("vocabulary", { _ = try TokenizerLoader.load(vocabulary: $0, merges: $0) }),
      ("token texts", { _ = try TokenPieces(contentsOf: $0) }),
      ("corpus", { _ = try CorpusInput.find([$0.path]) }),
    ]
  }

  private static var writers: [Action] {
    [
      ("log", { _ = try RunLogWriter(path: $0.path) }),
      ("log that goes on", { _ = try RunLogWriter(path: $0.path, keepingSteps: 3) }),
      ("log's repair", { try RunLogRepair.repair(path: $0.path, begin: nil, through: 3) }),
      ("checkpoint", { _ = try CheckpointDirectory.write(to: $0) { _ in } }),
      ("checkpoint of a step", { _ = try CheckpointStore($0).write(step: 1) { _ in } }),
      ("manifest", { try Manifest(files: [:]).write(to: $0) }),
      (
        "run",
        {
          let recipe = RecipeFile(text: Recipe.example, directory: $0.deletingLastPathComponent())
          _ = try TrainingRun.create($0, recipe: recipe)
        }
      ),
      (
        "tokens",
        {
          let text = FileManager.default.temporaryDirectory
            .appending(path: "espalier-text-\(UUID().uuidString).txt")
          defer { try? FileManager.default.removeItem(at: text) }
          try Data("some text".utf8).write(to: text)
          let inputs = try CorpusInput.find([text.path])
          _ = try CorpusPreparation(.init(inputs: inputs)).run(tokenizer: ByteTokenizer(), to: $0)
        }
      ),
    ]
  }

  @Test("whatever is read", arguments: Obstacle.allCases) func reading(obstacle: Obstacle) throws {
    try check(Self.readers, at: obstacle)
  }

  @Test("whatever is written", arguments: Obstacle.allCases)
  func writing(obstacle: Obstacle) throws { try check(Self.writers, at: obstacle) }

  /// Tries all actions; each in a folder of its own, since some make what is missing.
  private func check(_ actions: [Action], at obstacle: Obstacle) throws {
    // Nothing is forbidden to the superuser.
    if obstacle == .forbidden, getuid() == 0 { return }
    for action in actions {
      let folder = FileManager.default.temporaryDirectory
        .appending(path: "espalier-obstacle-\(UUID().uuidString)", directoryHint: .isDirectory)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      do { try action.body(try obstacle.place(in: folder)) } catch {
        #expect(error is any EspalierError, "\(action.name), \(obstacle): \(type(of: error))")
        expectOwnWords("\(error)", "\(action.name), \(obstacle)")
      }
    }
  }

  private func expectOwnWords(_ text: String, _ place: String) {
    for foreign in [
      "The operation", "The file “", "couldn’t", "Cocoa", "Error Domain", "ErrorDomain", "Code=",
      "UserInfo", "NSFilePath", "NSUnderlying", "Optional(", "Swift.", "Foundation.", "errno",
    ] {
      #expect(!text.contains(foreign), "\(place): \(text)")
    }
    #expect(!text.isEmpty)
  }

  /// What is worked on in the command, with what stands in its way.
  @Test(
    "the command tells of too many open files, of a full disk and of a full quota",
    arguments: [
      ("ulimit -n 8", "too many files are open"), ("ulimit -f 1", "file too large"),
    ])
  func command(limit: String, reason: String) throws {
    let place = try CommandWorkplace(recipe: .staged)
    let text = String(repeating: "The tree grows along its frame.\n", count: 2000)
    try Data(text.utf8).write(to: place.url.appending(path: "long.txt"))
    for command in [
      "train recipe.yaml -o run", "prepare long.txt -o tokens --vocabulary 257",
      "inspect recipe.yaml", "plan --target recipe.yaml -o plan.json",
    ] {
      let result = try BuiltCommand.shell(
        "(trap '' XFSZ; \(limit); espalier \(command) 2> errors); tail -c 2000 errors >&2",
        in: place.url)
      expectOwnWords(result.errors + " ", "\(limit), \(command)")
      if command.hasPrefix("prepare") {
        #expect(result.errors.contains(reason), "\(limit): \(result.errors)")
      }
    }
  }

  @Test(
    "with fewer open files than anything takes, every command says so",
    arguments: ["families", "train recipe.yaml -o run", "inspect recipe.yaml", "engines"])
  func fewFiles(command: String) throws {
    let place = try CommandWorkplace()
    for count in 4...10 {
      let result = try BuiltCommand.shell("ulimit -n \(count); espalier \(command)", in: place.url)
      #expect(result.status == 1 && !result.endedBySignal, "\(count): \(result)")
      #expect(
        result.errors == "Error: too many files are open; raise the limit (`ulimit -n`)\n",
        "\(count): \(result.errors)")
    }
  }
}
