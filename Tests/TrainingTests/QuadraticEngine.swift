// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Tensors
import Text
import Training

/// An engine whose model is no network but a quadratic, so that every gradient is known exactly.
///
/// Target t pulls element e of parameter p towards the constant `pull(t, p, e)`; the loss of a
/// target is half the squared distance of all parameters from their pulls.
/// `Scripts/reference/optimizer_goldens.py` holds the same quadratic.
struct QuadraticEngine: TrainingEngine {
  /// The optimizer step (from 0) whose loss is NaN.
  var lossFailsAt: UInt64?
  /// The optimizer step (from 0) whose gradient is infinite.
  var gradientFailsAt: UInt64?
  /// What a batch does that begins with this sequence.
  var disturbs: @Sendable (_ firstSequence: Int) -> Disturbance? = { _ in nil }
  /// Asked before every micro-batch; true ends all as a killed process would.
  var kills: @Sendable () -> Bool = { false }
  /// Hears every micro-batch.
  var hear: @Sendable (DropoutKey, TokenBatch, Int) -> Void = { _, _, _ in }

  var name: String { "quadratic" }

  func makeSession(
    for program: Program, parameters: [ParameterState], precision: Precision
  ) throws -> any TrainingSession {
    QuadraticSession(self, parameters)
  }

  func makeLanguageModel(
    for program: Program, parameters: [HostTensor], precision: Precision
  ) throws -> any LanguageModel { throw Unsupported() }

  func measurePeak(precision: Precision) throws -> Double { throw Unsupported() }

  struct Unsupported: Error {}

  /// A way in which a batch is out of order.
  enum Disturbance {
    /// The loss is so many times what it is.
    case loss(Double)
    /// A gradient is infinite, and the loss is not.
    case gradient
    /// The update leaves an infinite weight.
    case weight
    /// The update leaves an infinite second moment, which no loss ever shows.
    case moment
  }

  static func pull(_ token: Int32, _ parameter: Int, _ element: Int) -> Double {
    let mixed = (Int(token) + 1) * 7919 + parameter * 104_729 + element * 1_299_709
    return Double(mixed % 257 - 128) / 64
  }

  static func start(_ parameter: Int, _ element: Int) -> Float {
    Float((parameter * 31 + element * 17) % 101 - 50) / 128
  }
}

final class QuadraticSession: TrainingSession {
  private let engine: QuadraticEngine
  private let given: [ParameterState]
  private var values: [[Float]]
  private var firstMoments: [[Float]]
  private var secondMoments: [[Float]]
  private var sums: [[Double]]
  private var disturbance: QuadraticEngine.Disturbance?

  init(_ engine: QuadraticEngine, _ parameters: [ParameterState]) {
    func floats(_ tensor: HostTensor?, like value: HostTensor) -> [Float] {
      tensor?.floats ?? Array(repeating: 0, count: value.shape.elementCount)
    }
    self.engine = engine
    given = parameters
    values = parameters.map(\.value.floats)
    firstMoments = parameters.map { floats($0.firstMoment, like: $0.value) }
    secondMoments = parameters.map { floats($0.secondMoment, like: $0.value) }
    sums = values.map { Array(repeating: 0, count: $0.count) }
  }

  func accumulateGradients(
    of batch: TokenBatch, normalizer: Int, dropoutKey: DropoutKey
  ) throws -> LossSum {
    if engine.kills() { throw TroubledRun.Killed() }
    engine.hear(dropoutKey, batch, normalizer)
    var total = 0.0
    for target in batch.targets where target >= 0 {
      total += distance(to: target) { self.sums[$0][$1] += $2 / Double(normalizer) }
    }
    disturbance = engine.disturbs(Int(batch.inputs.first ?? 0))
    if case .loss(let factor)? = disturbance { total *= factor }
    if case .gradient? = disturbance { sums[0][0] = .infinity }
    if dropoutKey.step == engine.lossFailsAt { total = .nan }
    if dropoutKey.step == engine.gradientFailsAt { sums[0][0] = .infinity }
    return LossSum(total: total, targetCount: batch.targetCount)
  }

  /// Half the squared distance from a target's pulls; tells each difference.
  private func distance(
    to target: Int32, _ tell: (Int, Int, Double) -> Void = { _, _, _ in }
  ) -> Double {
    var total = 0.0
    for parameter in values.indices {
      for element in values[parameter].indices {
        let difference =
          Double(values[parameter][element]) - QuadraticEngine.pull(target, parameter, element)
        total += 0.5 * difference * difference
        tell(parameter, element, difference)
      }
    }
    return total
  }

  func gradientSquaredNorm() throws -> Double { sums.joined().reduce(0) { $0 + $1 * $1 } }

  func update(_ updates: [ParameterUpdate], clip: Double?) throws -> Double {
    let norm = try gradientSquaredNorm().squareRoot()
    guard norm.isFinite else { return norm }
    let scale = clip.map { min(1, $0 / (norm + 1e-6)) } ?? 1
    for (parameter, update) in updates.enumerated() {
      guard case .adamW(let u) = update else { preconditionFailure("knows AdamW alone") }
      for (element, u) in u.byElement(values[parameter].count) {
        let gradient = sums[parameter][element] * scale
        let m = Double(firstMoments[parameter][element]) * u.beta1 + (1 - u.beta1) * gradient
        let v =
          Double(secondMoments[parameter][element]) * u.beta2
          + (1 - u.beta2) * gradient * gradient
        let decayed = Double(values[parameter][element]) * (1 - u.decayFactor)
        firstMoments[parameter][element] = Float(m)
        secondMoments[parameter][element] = Float(v)
        values[parameter][element] = Float(
          decayed - u.step(m, v.squareRoot() * u.inverseRootCorrection + u.epsilon))
        sums[parameter][element] = 0
      }
    }
    if case .weight? = disturbance { values[0][0] = .infinity }
    if case .moment? = disturbance { secondMoments[0][0] = .infinity }
    return norm
  }

  func discardGradients() throws { sums = sums.map { Array(repeating: 0, count: $0.count) } }

  func loss(of batch: TokenBatch) throws -> LossSum {
    let total = batch.targets.filter { $0 >= 0 }.reduce(0.0) { $0 + distance(to: $1) }
    return LossSum(total: total, targetCount: batch.targetCount)
  }

  func gradients() throws -> [HostTensor] {
    zip(sums, given).map { HostTensor($0.map { Float($0) }, shape: $1.value.shape) }
  }

  func parameters() throws -> [ParameterState] {
    given.indices.map { index in
      var state = given[index]
      let shape = state.value.shape
      state.value = HostTensor(values[index], shape: shape)
      state.firstMoment = HostTensor(firstMoments[index], shape: shape)
      state.secondMoment = HostTensor(secondMoments[index], shape: shape)
      return state
    }
  }
}

extension AdamWUpdate {
  /// Each element's number with the update that it takes.
  fileprivate func byElement(_ count: Int) -> [(Int, AdamWUpdate)] {
    var result: [(Int, AdamWUpdate)] = []
    forEachRun(in: 0..<count) { run, update in result += run.map { ($0, update) } }
    return result
  }
}

/// Sequences that a formula makes, one after the other without end; each one's inputs are its number.
struct FormulaSource: BatchSource {
  private(set) var cursor: BatchStream.Cursor
  private let target: (_ sequence: Int, _ position: Int) -> Int32

  init(
    cursor: BatchStream.Cursor = FormulaSource.origin,
    target: @escaping (_ sequence: Int, _ position: Int) -> Int32 = FormulaSource.golden
  ) {
    self.cursor = cursor
    self.target = target
  }

  /// The start of sequences; `position` counts them.
  static let origin: BatchStream.Cursor = {
    let tokens = try? InMemoryTokens(Array(repeating: 0, count: 17), vocabularySize: 11)
    let stream = tokens.flatMap {
      try? BatchStream($0, contextLength: 16, order: .sequential, seed: .max)
    }
    guard let stream else { preconditionFailure("seventeen tokens fill a window of sixteen") }
    return stream.cursor
  }()

  /// The targets of the goldens: four sequences of 16 in each step.
  static func golden(sequence: Int, position: Int) -> Int32 {
    let (step, j) = (sequence / 4, sequence % 4 * 16 + position)
    return (step + j) % 7 == 3 ? -1 : Int32((step * 5 + j * j * 3) % 11)
  }

  /// Targets as if drawn at random, all eleven equally likely.
  static func scattered(sequence: Int, position: Int) -> Int32 {
    var mixed = UInt64(sequence * 16 + position) &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    return Int32((mixed ^ (mixed >> 27)) % 11)
  }

  mutating func next(sequenceCount: Int, sequenceLength: Int) throws -> TokenBatch {
    let first = cursor.position
    cursor.position += sequenceCount
    let targets = (first..<first + sequenceCount).flatMap { sequence in
      (0..<sequenceLength).map { target(sequence, $0) }
    }
    return TokenBatch(
      sequenceCount: sequenceCount, sequenceLength: sequenceLength,
      inputs: targets.indices.map { Int32(first + $0 / sequenceLength) }, targets: targets)
  }
}

/// The goldens' model and configurations.
enum Quadratic {
  static let model = ModelConfiguration(
    architecture: .gpt2, layerCount: 1, hiddenSize: 4, headCount: 1, intermediateSize: 8,
    vocabularySize: 11, contextLength: 16, tiesHead: true)

  static func training(
    batch: BatchConfiguration = BatchConfiguration(sequences: 4), stop: StopConditions
  ) -> TrainingConfiguration {
    TrainingConfiguration(
      seed: 0xFEDC_BA98_7654_3210, batch: batch,
      optimizer: .adamW(AdamWConfiguration(epsilon: 1e-3, clip: 6.5)),
      schedule: LearningRateSchedule(
        kind: .cosine, peak: 0.05, warmup: .steps(8), total: .steps(32), floor: 0.1),
      evaluation: nil, checkpoint: nil, stop: stop)
  }

  /// The goldens' start: every third parameter learns at half, every third at double rate.
  static func state(_ training: TrainingConfiguration) throws -> TrainingState {
    let program = try model.program()
    let values = program.parameters.enumerated().map { index, spec in
      HostTensor(
        (0..<spec.shape.elementCount).map { QuadraticEngine.start(index, $0) }, shape: spec.shape)
    }
    var state = TrainingState(
      model: model, training: training, values: values, cursor: FormulaSource.origin)
    for index in values.indices {
      state.parameters[index].learningRateMultiplier = [1, 0.5, 2][index % 3]
      state.parameters[index].epsilonMultiplier = [1, 0.5, 2][(index + 1) % 3]
    }
    return state
  }

  /// A clock that stands still, so that records are exact.
  static func surroundings() -> TrainingLoop.Surroundings {
    TrainingLoop.Surroundings(clock: { 0 })
  }

  /// Operations of training on a token of a whole sequence.
  static let operationsPerToken: Double =
    (try? model.program().floatingPointOperations(sequenceLength: model.contextLength).training)
    ?? .nan
}

/// Keeps states as a test says, and none to go back to unless it says so.
struct TestStorage: StateStorage {
  var saving: (TrainingState) throws -> String
  var restoring: (Int) throws -> TrainingState? = { _ in nil }

  func save(_ state: TrainingState) throws -> String { try saving(state) }
  func restore(step: Int) throws -> TrainingState? { try restoring(step) }
}
