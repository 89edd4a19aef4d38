// SPDX-License-Identifier: Apache-2.0
import CPUEngine
import Checkpoints
import Foundation
import RunLogs
import Staging
import Synchronization
import Testing

/// A directory of its own for one test, with a text and a recipe to train on; removed when the
/// tests are over.
struct Workplace {
  let url: URL

  private static let all: URL = {
    atexit { try? FileManager.default.removeItem(at: Workplace.all) }
    return FileManager.default.temporaryDirectory
      .appending(path: "espalier-staging-\(UUID().uuidString)", directoryHint: .isDirectory)
  }()

  init() throws {
    url = Self.all.appending(path: UUID().uuidString, directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try Data(Self.text(lines: 120).utf8).write(to: url.appending(path: "corpus.txt"))
  }

  var run: URL { url.appending(path: "run", directoryHint: .isDirectory) }
  var checkpoints: CheckpointStore { CheckpointStore(RunDirectory(run).checkpoints) }

  /// Sentences of few words in a fixed order.
  static func text(lines: Int) -> String {
    let words = ["the", "tree", "grows", "along", "its", "frame", "tier", "by", "small"]
    var state: UInt64 = 1
    return (0..<lines).map { _ in
      (0..<8).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return words[Int(state >> 33) % words.count]
      }.joined(separator: " ")
    }.joined(separator: "\n")
  }

  /// Twelve steps of a model of a few hundred parameters, with dropout, noise scale and warm-ups,
  /// so that everything that a resume could forget is in play.
  static let recipe = """
    version: 1
    seed: 5
    model: {architecture: gpt2, layers: 1, hidden: 8, heads: 2, context: 8, dropout: 0.1}
    tokenizer: {kind: bytes}
    data: {train: corpus.txt, validation: {fraction: 0.05}}
    batch: {sequences: 4, accumulate: 2, warmup: {from: 2, over: 300 tokens}}
    schedule: {kind: wsd, peak: 1e-2, warmup: 3 steps, total: 12 steps, decay: 50%}
    evaluate: {every: 4 steps, batches: 2}
    checkpoint: {every: 2 steps, keep: 3}
    noiseScale: {every: 3 steps}
    """

  func recipeFile(_ text: String = Workplace.recipe, _ overrides: [String] = []) throws
    -> RecipeFile
  {
    RecipeFile(
      text: text, name: "recipe.yaml", directory: url,
      overrides: try overrides.map { try RecipeOverride(parsing: $0) })
  }

  func create(_ overrides: [String] = [], startingFrom checkpoint: URL? = nil) throws
    -> TrainingRun
  {
    try TrainingRun.create(
      run, recipe: try recipeFile(Self.recipe, overrides), startingFrom: checkpoint)
  }

  /// The steps that the log has, with their losses' and norms' exact bits.
  func loggedSteps() throws -> [LoggedStep] {
    try RunLogReader.records(path: RunDirectory(run).log.path).compactMap {
      guard case .step(let record) = $0 else { return nil }
      return LoggedStep(record)
    }
  }
}

/// What must not differ between a run that was broken off and one that was not.
struct LoggedStep: Hashable {
  var step: Int
  var loss: UInt64
  var gradientNorm: UInt64
  var learningRate: Double
  var tokens: Int
  var noiseScale: Double?

  init(_ record: StepRecord) {
    step = record.step
    loss = record.loss.bitPattern
    gradientNorm = record.gradientNorm.bitPattern
    learningRate = record.learningRate
    tokens = record.tokens
    noiseScale = record.gradientNoiseScale
  }
}

/// Keeps what a run tells.
final class EventRecorder: Sendable {
  private let events = Mutex<[TrainingRunEvent]>([])

  func hear(_ event: TrainingRunEvent) { events.withLock { $0.append(event) } }

  var all: [TrainingRunEvent] { events.withLock { $0 } }

  var notes: [String] {
    all.compactMap {
      switch $0 {
      case .note(let text): text
      case .warning(let text): "warning: \(text)"
      default: nil
      }
    }
  }

  var stepCount: Int {
    all.count {
      guard case .step = $0 else { return false }
      return true
    }
  }
}

extension TrainingRun {
  /// Trains on one thread; ends after `steps` steps of this session where given.
  @discardableResult
  func trainForTest(
    recorder: EventRecorder = EventRecorder(), interruptingAfter steps: Int? = nil
  ) throws -> TrainingRunSummary {
    try train(
      engine: CPUTrainingEngine(threads: 1), observer: recorder.hear,
      isInterrupted: { steps.map { recorder.stepCount >= $0 } ?? false })
  }
}

/// Makes a run one of before the hashes of its recipe and plan were kept.
func forgetHashes(of run: URL) throws {
  let file = RunDirectory(run).manifest
  let text = try String(contentsOf: file, encoding: .utf8)
  let older = text.replacing(/\n *"((plan|recipe)Hash|checksum)" : "[0-9a-f]+",/, with: "")
  try Data(older.utf8).write(to: file)
}

/// Damages a file without changing its size.
func flipLastByte(of file: URL) throws {
  var bytes = try Data(contentsOf: file)
  bytes[bytes.count - 1] ^= 1
  try bytes.write(to: file)
}
