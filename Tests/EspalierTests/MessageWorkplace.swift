// SPDX-License-Identifier: Apache-2.0
import Foundation
import GoldenModels
import Testing

/// A folder with what the cases of `Messages/*.txt` name: good files, and files with one fault each.
struct MessageWorkplace {
  private let place: CommandWorkplace

  var url: URL { place.url }

  init() throws {
    place = try CommandWorkplace()
    for (name, text) in Self.texts { try write(name, text) }
    for (name, text) in Self.curves { try write(name, text) }
    for name in ["folder", "fifo-run", "old-run", "no-log"] {
      try FileManager.default.createDirectory(
        at: url.appending(path: name), withIntermediateDirectories: true)
    }
    mkfifo(url.appending(path: "pipe").path, 0o600)
    for (name, data) in MessageFiles.all { try put(name, data) }
    for model in MessageFiles.models {
      try Self.copy(FamilyGolden(name: model.golden).url, to: url.appending(path: model.name))
      try change(model.name, model.change)
    }
    for (source, name) in [
      ("run", "trained"), ("tokens", "tokens"), ("grown", "grown"), ("plans", "plans"),
    ] {
      try Self.copy(Self.trained.get().url.appending(path: source), to: url.appending(path: name))
    }
    for (source, name) in [("run", "staged"), ("recipe.yaml", "staged.yaml")] {
      try Self.copy(Self.staged.get().url.appending(path: source), to: url.appending(path: name))
    }
    let family = try Self.family.get()
    for (name, change) in MessageFiles.familyChanges {
      #expect(family.contains(change.0), "\(name)")
      try write("family-\(name).yaml", family.replacing(change.0, with: change.1))
    }
    for copy in MessageFiles.damaged + MessageFiles.plans {
      try Self.copy(url.appending(path: copy.of), to: url.appending(path: copy.name))
      try change(copy.name, copy.change)
    }
  }

  /// A run and prepared tokens, made once for all.
  private static let trained = Result {
    let place = try CommandWorkplace()
    try FileManager.default.createDirectory(
      at: place.url.appending(path: "plans"), withIntermediateDirectories: true)
    for arguments in [
      ["train", "recipe.yaml", "-o", "run", "--quiet", "--set", "stop={after: 4 steps}"],
      ["prepare", "corpus.txt", "-o", "tokens", "--vocabulary", "264"],
      ["grow", "run", "-o", "grown", "--width", "2", "--quiet"],
      ["plan", "--target", "recipe.yaml", "-o", "plans/plan.json"],
    ] {
      let result = try BuiltCommand.run(arguments, in: place.url)
      #expect(result.status == 0, "\(result.errors)")
    }
    return place
  }

  /// The beginning of a run of stages.
  private static let staged = Result {
    let place = try CommandWorkplace(recipe: .staged)
    let result = try BuiltCommand.run(
      ["run", "recipe.yaml", "-o", "run", "--quiet", "--set", "stop={after: 2 steps}"],
      in: place.url)
    #expect(result.status == 3, "\(result.errors)")
    return place
  }

  /// The description of Llama.
  private static let family = Result {
    let place = try CommandWorkplace()
    return try BuiltCommand.run(["families", "llama"], in: place.url).output
  }

  private static func copy(_ source: URL, to target: URL) throws {
    try FileManager.default.copyItem(at: source, to: target)
  }

  /// Puts a file into a folder that need not be there.
  private func put(_ name: String, _ data: Data) throws {
    let file = url.appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: file)
  }

  private func change(_ folder: String, _ change: MessageFiles.Change?) throws {
    switch change {
    case nil: break
    case .without(let name)?:
      try FileManager.default.removeItem(at: url.appending(path: "\(folder)/\(name)"))
    case .with(let name, let data)?: try put("\(folder)/\(name)", data)
    case .replacing(let old, let new, let name)?:
      let file = url.appending(path: "\(folder)/\(name)")
      let text = try String(contentsOf: file, encoding: .utf8)
      #expect(text.contains(old), "\(folder): \(old)")
      try Data(text.replacing(old, with: new).utf8).write(to: file)
    case .cut(let name, let count)?:
      let file = url.appending(path: "\(folder)/\(name)")
      try Data(contentsOf: file).prefix(count).write(to: file)
    }
  }

  /// What lies in the folder.
  var names: Set<String> {
    get throws { try Set(FileManager.default.contentsOfDirectory(atPath: url.path)) }
  }

  /// Removes what a case has made.
  func clear(keeping names: Set<String>) throws {
    for name in try self.names.subtracting(names) {
      try FileManager.default.removeItem(at: url.appending(path: name))
    }
  }

  /// A word with what only a test run knows put in.
  func named(_ word: String) -> String { word.replacing("PLACE", with: url.path) }

  /// A message without it.
  func anonymous(_ message: String) -> String {
    // The command's own view of a path may go through a link.
    message.replacing(url.resolvingSymlinksInPath().path, with: "PLACE")
      .replacing(url.path, with: "PLACE")
  }

  private func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: url.appending(path: name))
  }

  /// Texts by the names of their files.
  private static let texts = [
    "empty.csv": "", "names.csv": "epoch,accuracy\n1,2\n", "three.csv": "1,2,3\n4,5,6\n",
    "words.csv": "step,loss\n10,seven\n", "falling.csv": "step,loss\n10,3\n5,2\n",
    "zero.csv": "step,loss\n10,0\n20,3\n", "one.csv": "step,loss\n10,3\n",
    "half-steps.csv": "step,loss\n1.5,3\n", "huge.csv": "step,loss\n1e300,3\n",
    "empty.json": "", "list.json": "[]", "version.json": "{\"version\": 99}",
  ]

  /// Curves of two sizes that fall as laws do.
  private static let curves = ["small": 1e6, "large": 16e6].map { name, size in
    let lines = (1...100).map { index in
      let loss = pow(8.8e13 / size, 0.076) + pow(4200 / Double(100 * index), 0.76)
      return "\(100 * index),\(loss)"
    }
    return ("\(name).csv", (["step,loss"] + lines).joined(separator: "\n") + "\n")
  }
}
