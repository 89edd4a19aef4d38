// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

/// A directory with a text and a recipe of a model that trains in seconds; removed when the tests
/// are over.
struct CommandWorkplace {
  let url: URL

  private static let all: URL = {
    atexit { try? FileManager.default.removeItem(at: CommandWorkplace.all) }
    return FileManager.default.temporaryDirectory
      .appending(path: "espalier-command-\(UUID().uuidString)", directoryHint: .isDirectory)
  }()

  /// What is trained.
  enum Recipe: Equatable {
    case single, staged
    /// A text with a part that is quite another, and what is done about the loss there.
    case spiked(TroubleAction)
  }

  init(recipe kind: Recipe = .single) throws {
    url = Self.all.appending(path: UUID().uuidString, directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    let files: (recipe: String, text: String) =
      switch kind {
      case .single: (recipe, text)
      case .staged: (staged, text)
      case .spiked(let action): (Self.spiked(action), Self.spikedText)
      }
    try Data(files.text.utf8).write(to: url.appending(path: "corpus.txt"))
    try Data(files.recipe.utf8).write(to: url.appending(path: "recipe.yaml"))
  }

  /// Sixty-four letters a step, in the order of the text: the steps 26 and 27 come upon the other part.
  private static let spikedText: String = {
    let other = (0..<128).map { UnicodeScalar(UInt8(40 + $0 * 37 % 80)) }
    return String(repeating: "ab", count: 800) + String(String.UnicodeScalarView(other))
      + String(repeating: "ab", count: 1200)
  }()

  private static func spiked(_ action: TroubleAction) -> String {
    """
    version: 1
    seed: 11
    model: {architecture: gpt2, layers: 1, hidden: 8, heads: 2, context: 16, dropout: 0.1}
    tokenizer: {kind: bytes}
    data: {train: corpus.txt, validation: {fraction: 0.1}, order: sequential}
    batch: {sequences: 4}
    schedule: {kind: constant, peak: 3e-2, warmup: 3 steps}
    stop: {after: 40 steps}
    evaluate: {every: 7 steps, batches: 2}
    checkpoint: {every: 4 steps, keep: 2}
    onSpike: {factor: 8, window: 5, action: \(action.rawValue)}
    """
  }

  /// A checkpoint after each step, so that whoever stops the run at any moment likely stops a save.
  private let recipe = """
    version: 1
    seed: 11
    model: {architecture: gpt2, layers: 1, hidden: 8, heads: 2, context: 16, dropout: 0.1}
    tokenizer: {kind: bpe, vocabulary: 264}
    data: {train: corpus.txt, validation: {fraction: 0.1}}
    batch: {sequences: 4}
    schedule: {kind: cosine, peak: 1e-2, warmup: 3 steps, total: 40 steps}
    evaluate: {every: 7 steps, batches: 2}
    checkpoint: {every: 1 steps, keep: 3}
    noiseScale: {every: 4 steps}
    """

  /// Growths after steps 15 and 25, in width and then in depth, while the first one's new entries have a
  /// rate of their own.
  private var staged: String {
    recipe.replacing("layers: 1, hidden: 8, heads: 2", with: "layers: 2, hidden: 16, heads: 4")
      + """

      stages:
        - model: {layers: 1, hidden: 8}
          until: {after: 15 steps}
          grow: {width: 2, moments: resetNew, newRate: 1.3, newRateSteps: 17}
        - until: {after: 10 steps}
        - {}
      """
  }

  /// Every growth as the log has it, but for the time.
  func growths(_ name: String) throws -> [EventRecord] {
    try records(name).compactMap {
      guard case .event(var event) = $0, event.event == .grown else { return nil }
      event.seconds = 0
      return event
    }
  }

  /// Everything out of order as the log has it, but for the time.
  func troubles(_ name: String) throws -> [EventRecord] {
    try records(name).compactMap {
      guard case .event(var event) = $0, event.isTrouble else { return nil }
      event.seconds = 0
      return event
    }
  }

  private var text: String {
    let words = ["the", "tree", "grows", "along", "its", "frame", "tier", "by", "tier"]
    var random = SeededRandom(seed: 1)
    return (0..<400).map { _ in words[random.next(below: words.count)] }.joined(separator: " ")
  }

  func run(_ name: String) -> RunDirectory { RunDirectory(url.appending(path: name)) }

  /// Every step's numbers as the log has them, but for the time.
  func loggedSteps(_ name: String) throws -> [StepRecord] {
    try records(name).compactMap {
      guard case .step(var record) = $0 else { return nil }
      record.seconds = 0
      return record
    }
  }

  /// Every validation's numbers as the log has them, but for the time.
  func loggedEvaluations(_ name: String) throws -> [EvaluationRecord] {
    try records(name).compactMap {
      guard case .evaluation(var record) = $0 else { return nil }
      record.seconds = 0
      return record
    }
  }

  /// The bytes of the last checkpoint's weights and moments.
  func lastTensors(_ name: String) throws -> [Data] {
    let latest = try CheckpointStore(run(name).checkpoints).latestValid()
    guard let checkpoint = latest.item?.url else { return [] }
    return try ["model.safetensors", "optimizer.safetensors"].map {
      try Data(contentsOf: checkpoint.appending(path: $0))
    }
  }

  /// Steps that the log has so far; 0 where there is none yet.
  func stepsSoFar(_ name: String) -> Int {
    (try? records(name))?.count {
      guard case .step = $0 else { return false }
      return true
    } ?? 0
  }

  /// Whether a checkpoint is half written.
  func isSaving(_ name: String) -> Bool {
    let path = run(name).checkpoints.path(percentEncoded: false)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.contains { $0.hasPrefix(".tmp-") }
  }

  private func records(_ name: String) throws -> [RunRecord] {
    try RunLogReader.records(path: run(name).log.path(percentEncoded: false))
  }
}

/// Knuth's linear congruential generator, MMIX's numbers; the same on every system.
struct SeededRandom {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next(below bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }
}

extension CommandWorkplace {
  /// A place with a run of a few steps, named `run`.
  static func trained() throws -> CommandWorkplace {
    let place = try CommandWorkplace()
    let result = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "run", "--set", "stop.after=4 steps", "--quiet"], in: place.url
    )
    #expect(result.status == 0, "\(result.errors)")
    return place
  }

  /// What `espalier grow` leaves behind.
  func grow(_ arguments: [String]) throws -> BuiltCommand.Result {
    try BuiltCommand.run(["grow"] + arguments, in: url)
  }
}
