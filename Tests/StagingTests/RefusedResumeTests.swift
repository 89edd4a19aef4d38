// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Checkpoints
import Foundation
import RunLogs
import Staging
import Tensors
import Testing
import Training

/// A run that is not gone on with is as it was, to the byte.
@Suite("Refused resumes")
struct RefusedResumeTests {
  /// How a run is made one that is refused, or what is asked of it.
  struct Refusal: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var overrides: [String] = []
    var step: Int?
    var fromBeginning = false
    var prepare: @Sendable (Workplace) throws -> Void = { _ in }
  }

  static let refusals: [Refusal] = [
    Refusal(testDescription: "another model", overrides: ["model.layers=2"]),
    Refusal(testDescription: "a key that is not there", overrides: ["optimizer.nothing=2"]),
    Refusal(testDescription: "nothing left to train", overrides: ["stop.after=3 steps"]),
    Refusal(
      testDescription: "more memory than there is",
      overrides: ["batch.sequences=16777216", "batch.accumulate=16777216"]),
    Refusal(testDescription: "a step without a checkpoint", step: 5),
    Refusal(testDescription: "a damaged checkpoint of a step", step: 4) { place in
      try flipLastByte(
        of: place.checkpoints.url(step: 4).appending(path: "optimizer.safetensors"))
    },
    Refusal(testDescription: "no whole checkpoint") { place in
      for item in try place.checkpoints.list() {
        try flipLastByte(of: item.url.appending(path: "model.safetensors"))
      }
    },
    Refusal(testDescription: "no checkpoint at all") { place in
      for item in try place.checkpoints.list() { try FileManager.default.removeItem(at: item.url) }
    },
    Refusal(testDescription: "another run's log") { place in
      let other = try Workplace()
      let recipe = Workplace.recipe.replacing("seed: 5", with: "seed: 6")
      try TrainingRun.create(other.run, recipe: try other.recipeFile(recipe))
        .trainForTest(interruptingAfter: 6)
      try FileManager.default.removeItem(at: RunDirectory(place.run).log)
      try FileManager.default.copyItem(
        at: RunDirectory(other.run).log, to: RunDirectory(place.run).log)
    },
    Refusal(testDescription: "a log with a line that is no record") { place in
      let log = RunDirectory(place.run).log
      let lines = try String(contentsOf: log, encoding: .utf8).split(separator: "\n")
      let broken = lines.prefix(3) + ["nothing"] + lines.dropFirst(3)
      try Data(broken.joined(separator: "\n").utf8 + Data("\n".utf8)).write(to: log)
    },
    Refusal(testDescription: "a log that is a link to itself") { place in
      let log = RunDirectory(place.run).log
      try FileManager.default.removeItem(at: log)
      try FileManager.default.createSymbolicLink(at: log, withDestinationURL: log)
    },
    Refusal(testDescription: "lost texts and tokens") { place in
      try FileManager.default.removeItem(at: place.url.appending(path: "corpus.txt"))
      try FileManager.default.removeItem(at: RunDirectory(place.run).data)
      try FileManager.default.createDirectory(
        at: RunDirectory(place.run).data, withIntermediateDirectories: false)
    },
    Refusal(testDescription: "lost tokens and other texts") { place in
      try Data(Workplace.text(lines: 130).utf8).write(to: place.url.appending(path: "corpus.txt"))
      let data = RunDirectory(place.run).data
      for name in try FileManager.default.contentsOfDirectory(atPath: data.path) {
        try FileManager.default.removeItem(at: data.appending(path: name))
      }
    },
    Refusal(testDescription: "a lost folder of tokens and other texts") { place in
      try Data(Workplace.text(lines: 130).utf8).write(to: place.url.appending(path: "corpus.txt"))
      try FileManager.default.removeItem(at: RunDirectory(place.run).data)
    },
    Refusal(testDescription: "damaged tokens") { place in
      let data = RunDirectory(place.run).data
      let paths = try FileManager.default.subpathsOfDirectory(atPath: data.path)
      let shard = try #require(paths.first { $0.contains("train") && !$0.hasSuffix("/") })
      try Data("no shard".utf8).write(to: data.appending(path: shard))
    },
    Refusal(testDescription: "tokens of which one was changed") { place in
      try flipLastByte(of: shard("train", of: place))
    },
    Refusal(testDescription: "validation tokens of which one was changed") { place in
      try flipLastByte(of: shard("validation", of: place))
    },
    Refusal(testDescription: "changed tokens, from an earlier step", step: 4) { place in
      try flipLastByte(of: shard("train", of: place))
    },
    Refusal(testDescription: "changed tokens, from the beginning", fromBeginning: true) { place in
      try flipLastByte(of: shard("train", of: place))
    },
    Refusal(testDescription: "a log that is a folder") { place in
      let log = RunDirectory(place.run).log
      try FileManager.default.removeItem(at: log)
      try FileManager.default.createDirectory(at: log, withIntermediateDirectories: false)
    },
    Refusal(testDescription: "an edited recipe") { place in
      let recipe = RunDirectory(place.run).recipe
      let text = try String(contentsOf: recipe, encoding: .utf8)
      try Data((text + "\n# note\n").utf8).write(to: recipe)
    },
    Refusal(testDescription: "a changed run.json") { place in
      let file = RunDirectory(place.run).manifest
      let text = try String(contentsOf: file, encoding: .utf8)
      try Data(text.replacing("recipe.yaml", with: "recepi.yaml").utf8).write(to: file)
    },
  ]

  /// A file of tokens that the run made.
  private static func shard(_ split: String, of place: Workplace) throws -> URL {
    let data = RunDirectory(place.run).data
    let paths = try FileManager.default.subpathsOfDirectory(atPath: data.path)
    return data.appending(path: try #require(paths.first { $0.contains("\(split)-") }))
  }

  /// Every file's bytes, and where every link leads.
  private func contents(of folder: URL) throws -> [String: Data] {
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
    return try Dictionary(
      uniqueKeysWithValues: paths.map { path in
        let item = folder.appending(path: path).path
        let attributes = try FileManager.default.attributesOfItem(atPath: item)
        switch attributes[.type] as? FileAttributeType {
        case .typeSymbolicLink:
          return (
            path, Data(try FileManager.default.destinationOfSymbolicLink(atPath: item).utf8)
          )
        case .typeRegular: return (path, try Data(contentsOf: URL(filePath: item)))
        default: return (path, Data())
        }
      })
  }

  @Test("change nothing in the run's directory", arguments: refusals)
  func refused(refusal: Refusal) throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 6)
    try refusal.prepare(place)
    let before = try contents(of: place.run)
    let overrides = try (["schedule.peak=2e-2"] + refusal.overrides)
      .map { try RecipeOverride(parsing: $0) }
    #expect(throws: (any Error).self) {
      try TrainingRun.resume(
        place.run, overrides: overrides, threads: 1, engine: "xla:cpu", fromStep: refusal.step,
        fromBeginning: refusal.fromBeginning
      ).trainForTest()
    }
    let after = try contents(of: place.run)
    let changed = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }
    #expect(changed.isEmpty, "\(changed.sorted())")
  }

  @Test("by the engine change nothing either, and leave a new run to be begun")
  func refusedByEngine() throws {
    let place = try Workplace()
    let run = try place.create()
    #expect(throws: StagingError.self) { try run.train(engine: FullEngine()) }
    #expect(!run.directory.hasBegun)
    try place.create().trainForTest(interruptingAfter: 6)
    let before = try contents(of: place.run)
    #expect(throws: StagingError.self) {
      try TrainingRun.resume(place.run, threads: 3, engine: "full", fromStep: 4)
        .train(engine: FullEngine())
    }
    #expect(try contents(of: place.run) == before)
  }

  @Test("an accepted one keeps what was set, the engine's word and the threads")
  func accepted() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 6)
    let run = try TrainingRun.resume(
      place.run, overrides: [try RecipeOverride(parsing: "schedule.peak=2e-2")], threads: 1,
      engine: "cpu")
    let untouched = try TrainingRun.open(place.run).manifest
    #expect(untouched.overrides.isEmpty && untouched.engine == nil && untouched.threads == nil)
    try run.trainForTest()
    let manifest = try TrainingRun.open(place.run).manifest
    #expect(manifest.overrides.map(\.description) == ["schedule.peak=2e-2"])
    #expect(manifest.engine == "cpu" && manifest.threads == 1)
  }

  @Test("one from the beginning, or from a step, moves nothing before it trains")
  func movesLate() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 6)
    let before = try contents(of: place.run)
    let anew = try TrainingRun.resume(place.run, fromBeginning: true)
    let back = try TrainingRun.resume(place.run, fromStep: 4)
    #expect(try contents(of: place.run) == before)
    try back.trainForTest(interruptingAfter: 1)
    #expect(try place.loggedSteps().map(\.step) == Array(1...5))
    try anew.trainForTest(interruptingAfter: 2)
    #expect(try place.loggedSteps().map(\.step) == [1, 2])
    #expect(
      FileManager.default.fileExists(atPath: place.run.appending(path: "old-1/log.jsonl").path))
  }
}

/// An engine without room on its device.
private struct FullEngine: TrainingEngine {
  var name: String { "full" }

  func makeSession(
    for program: Program, parameters: [ParameterState], precision: Precision
  ) throws -> any TrainingSession {
    throw StagingError(.runUnavailable, "has no room", subject: name)
  }

  func makeLanguageModel(
    for program: Program, parameters: [HostTensor], precision: Precision
  ) throws -> any LanguageModel {
    throw StagingError(.runUnavailable, "has no room", subject: name)
  }

  func measurePeak(precision: Precision) throws -> Double { 1 }
}

/// A run that could not begin is in nobody's way.
@Suite("Runs that could not begin")
struct UnbegunRunTests {
  private func trained(
    _ place: Workplace, _ overrides: [String] = [], _ text: String = Workplace.recipe
  ) throws -> TrainingRunSummary {
    try TrainingRun.create(place.run, recipe: try place.recipeFile(text, overrides))
      .trainForTest()
  }

  @Test(
    "are begun anew by the next try",
    arguments: ["data.train=nowhere.txt", "data.train=empty.txt", "data.train=short.txt"])
  func data(override: String) throws {
    let place = try Workplace()
    try Data().write(to: place.url.appending(path: "empty.txt"))
    try Data("tree".utf8).write(to: place.url.appending(path: "short.txt"))
    #expect(throws: (any Error).self) { try trained(place, [override]) }
    let directory = RunDirectory(place.run)
    #expect(directory.holdsRun && !directory.hasBegun)
    let other = Workplace.recipe.replacing("seed: 5", with: "seed: 6")
    let summary = try trained(place, [], other)
    #expect(summary.outcome == .finished)
    #expect(try TrainingRun.open(place.run).recipe.training.seed == 6)
    guard case .run(let inspection) = try Inspection.of(place.run) else { return }
    #expect(inspection.problems.isEmpty)
    // Nor is a report of it in anybody's way.
    let early = try Workplace()
    #expect(throws: (any Error).self) { try trained(early, [override]) }
    try TrainingRun.open(early.run).writeReport()
    #expect(try trained(early, [], other).outcome == .finished)
    // Once it has begun, it is not made anew.
    let error = #expect(throws: StagingError.self) { try trained(place) }
    #expect(error?.code == .runExists)
  }

  @Test("with the tokens of their texts, and not with those of others")
  func tokens() throws {
    let place = try Workplace()
    func interrupted(_ overrides: [String]) throws -> String? {
      let run = try TrainingRun.create(
        place.run, recipe: try place.recipeFile(Workplace.recipe, overrides))
      // The tokens are made, and then the engine has no room.
      #expect(throws: StagingError.self) { try run.train(engine: FullEngine()) }
      return try FileManager.default.contentsOfDirectory(
        atPath: RunDirectory(place.run).data.path
      ).filter { !$0.hasPrefix(".") }.joined(separator: " ")
    }
    let first = try interrupted([])
    #expect(try interrupted(["schedule.peak=2e-2"]) == first)
    try Data(Workplace.text(lines: 90).utf8).write(to: place.url.appending(path: "corpus.txt"))
    let second = try interrupted([])
    #expect(second != first && second?.contains(" ") == false)
    #expect(try trained(place).outcome == .finished)
    guard case .run(let inspection) = try Inspection.of(place.run) else { return }
    #expect(inspection.problems.isEmpty)
  }

  @Test("are resumed, too, and a resume with another recipe says how to begin")
  func resumed() throws {
    let place = try Workplace()
    let corpus = place.url.appending(path: "corpus.txt")
    let text = try Data(contentsOf: corpus)
    try FileManager.default.removeItem(at: corpus)
    #expect(throws: (any Error).self) { try trained(place) }
    let other = try place.recipeFile(Workplace.recipe + "\n# note\n")
    let error = #expect(throws: StagingError.self) {
      try TrainingRun.resume(place.run, recipe: other)
    }
    #expect(error?.message.contains("leave --resume out") == true)
    try text.write(to: corpus)
    #expect(try TrainingRun.resume(place.run).trainForTest().outcome == .finished)
  }
}
