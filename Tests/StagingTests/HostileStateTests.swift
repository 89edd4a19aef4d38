// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import OrderedJSON
import Reporting
import Staging
import Testing
import Training
import Wording

/// Numbers that no training comes to, in every field of a state whose checksums fit all the same.
@Suite("Hostile numbers in a sealed state")
struct HostileStateTests {
  private static let numbers = [
    "0", "-1", "\(Int.min)", "\(1 << 61)", "\(Int.max)", "18446744073709551616", "1e300", "-1e300",
  ].map(JSONValue.number)
  private static let durations = [
    "\(Int.max) steps", "\(Int.max) tokens", "1e300 FLOPs", "0 steps",
  ]

  /// A grown state with a rise of the rate, new entries, a slope, noise and losses to watch.
  private static let recipe =
    StagedRunTests.recipe(
      growth: "{width: 2, depth: 2, moments: resetNew, newRate: 1.3, newRateSteps: 90, "
        + "rewarmup: 3 steps}"
    )
    .replacing(
      "batch: {sequences: 4}",
      with: "batch: {sequences: 4, accumulate: 2, warmup: {from: 2, over: 300 tokens}, "
        + "sequenceLength: {from: 8, over: 200 tokens}}")
    + "\nnoiseScale: {every: 3 steps}\nonSpike: {factor: 8, window: 5, action: skip}\n"

  /// A place in a JSON value.
  private enum Step: Hashable { case key(String), index(Int) }

  /// Every number, and every text that holds one; of the elements of a list one of each form.
  private static func fields(of value: JSONValue, at path: [Step] = []) -> [[Step]] {
    switch value {
    case .number: return [path]
    case .string(let text): return text.contains { $0.isNumber } ? [path] : []
    case .object(let object):
      return object.members.flatMap { fields(of: $0.value, at: path + [.key($0.key)]) }
    case .array(let elements):
      return elements.enumerated().flatMap { fields(of: $1, at: path + [.index($0)]) }
    case .null, .boolean: return []
    }
  }

  private static func replacing(
    _ path: ArraySlice<Step>, in value: JSONValue, with new: JSONValue
  ) -> JSONValue {
    switch (path.first, value) {
    case (.key(let key)?, .object(var object)):
      object[key] = replacing(path.dropFirst(), in: object[key] ?? .null, with: new)
      return .object(object)
    case (.index(let index)?, .array(var elements)):
      elements[index] = replacing(path.dropFirst(), in: elements[index], with: new)
      return .array(elements)
    default: return new
    }
  }

  private static func form(of path: [Step]) -> [Step] {
    path.map { if case .index = $0 { .index(0) } else { $0 } }
  }

  private static func value(at path: [Step], in value: JSONValue) -> JSONValue? {
    path.reduce(value) { value, step in
      switch (step, value) {
      case (.key(let key), let value?): value[key]
      case (.index(let index), .array(let elements)?): elements[index]
      default: nil
      }
    }
  }

  /// A run of a few steps past its growth, with its newest checkpoint.
  private func trained(_ text: String) throws -> (place: Workplace, checkpoint: URL) {
    let place = try Workplace()
    let run = try TrainingRun.create(place.run, recipe: try place.recipeFile(text))
    try run.trainForTest(interruptingAfter: 10)
    return (place, try #require(try place.checkpoints.list().last).url)
  }

  /// Puts a state in the place of a checkpoint's, with the checksums of its manifest.
  private func write(_ state: Data, to checkpoint: URL) throws {
    let file = checkpoint.appending(path: TrainingStateFiles.state)
    let old = try FileDigest(of: file)
    try state.write(to: file)
    let new = try FileDigest(of: file)
    let manifest = checkpoint.appending(path: Manifest.fileName)
    let text = try String(contentsOf: manifest, encoding: .utf8)
    let renewed = text.replacing(old.sha256, with: new.sha256)
      .replacing(": \(old.byteCount)", with: ": \(new.byteCount)")
    try Data(renewed.utf8).write(to: manifest)
    #expect(CheckpointDirectory.problems(in: checkpoint).isEmpty)
  }

  private func error(_ body: () throws -> Void) -> (any EspalierError)? {
    do {
      try body()
      return nil
    } catch let error as any EspalierError {
      return error
    } catch {
      Issue.record("not an error for users: \(error)")
      return nil
    }
  }

  @Test(
    "are refused with the file and the field, or are possible; nothing traps",
    arguments: [
      HostileStateTests.recipe,
      HostileStateTests.recipe.replacing(
        "schedule:", with: "optimizer: {kind: muon}\nparametrization: {kind: mup}\nschedule:"),
    ])
  func state(recipe: String) throws {
    let (place, checkpoint) = try trained(recipe)
    let file = checkpoint.appending(path: TrainingStateFiles.state)
    let whole = try Data(contentsOf: file)
    let state = try JSONValue(parsing: Array(whole))
    var seen = Set<[Step]>()
    let fields = Self.fields(of: state).filter { seen.insert(Self.form(of: $0)).inserted }
    #expect(fields.count > 50)
    var refused = 0
    for (index, path) in fields.enumerated() {
      let old = try #require(Self.value(at: path, in: state))
      let texts = old.text == nil ? ["12", "-1 steps"] : Self.durations
      let values = Self.numbers + [.null] + texts.map(JSONValue.string)
      for (number, value) in values.enumerated() {
        let changed = Self.replacing(path[...], in: state, with: value)
        try write(Data(changed.encoded(.compact)), to: checkpoint)
        let isRefused = try isRefused(checkpoint, path, value)
        if isRefused { refused += 1 }
        // One value of each field, another one of each.
        if number == index % values.count {
          try checkRun(place, path, value, isRefused: isRefused)
        }
      }
    }
    #expect(refused > 3 * fields.count)
    // As it was, it goes on.
    try write(whole, to: checkpoint)
    #expect(try TrainingRun.resume(place.run).trainForTest().outcome == .finished)
  }

  /// What else tells of a field: another one that contradicts it, or the whole of which it is the sum.
  private static func others(than names: [String]) -> [String] {
    switch names.last {
    case "formatVersion": ["format version"]
    case "layerCount", "name": ["its parameters are not those of its model"]
    case "stepCount": ["newEntries[0].updates"]
    case "batches": ["evaluation.tokens"]
    default: []
    }
  }

  /// Whether the checkpoint is refused, in words that say where.
  private func isRefused(
    _ checkpoint: URL, _ path: [Step], _ value: JSONValue
  ) throws -> Bool {
    let what = "\(path) \(value)"
    let refusal = error { _ = try Inspection.of(checkpoint) }
    if let refusal {
      let names = path.compactMap { if case .key(let key) = $0 { key } else { nil } }
      let text = refusal.description
      #expect(text.contains(TrainingStateFiles.state), "\(what): \(text)")
      let isNamed = names.last.map(text.contains) ?? false
      #expect(
        isNamed || Self.others(than: names).contains(where: text.contains), "\(what): \(text)")
    }
    return refusal != nil
  }

  /// Whatever reads the run says so or goes on; nothing goes on with a state that is refused.
  private func checkRun(
    _ place: Workplace, _ path: [Step], _ value: JSONValue, isRefused: Bool
  ) throws {
    _ = error { _ = try Inspection.of(place.run, verify: false) }
    _ = error { _ = ReportPage(runs: [try ReportedRun(readingFrom: place.run)]).html }
    let copy = place.url.appending(path: "copy", directoryHint: .isDirectory)
    try FileManager.default.copyItem(at: place.run, to: copy)
    defer { try? FileManager.default.removeItem(at: copy) }
    let resumed = error { try TrainingRun.resume(copy).trainForTest(interruptingAfter: 0) }
    if isRefused { #expect(resumed != nil, "\(path) \(value) is gone on with") }
  }
}
