// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Growth
import Interpretation
import SeededRandom
import Tensors
import Testing
import Text
import Training
import Verification

/// A small random model that has trained for a few steps, so that no moment, bias or gain is trivial.
struct SmallModel: Sendable, CustomTestStringConvertible {
  let name: String
  let configuration: ModelConfiguration
  var testDescription: String { name }

  static let gpt2 = SmallModel(
    name: "gpt2",
    configuration: ModelConfiguration(
      architecture: .gpt2, layerCount: 2, hiddenSize: 8, headCount: 2, intermediateSize: 12,
      vocabularySize: 19, contextLength: 12, normEpsilon: 1e-3, tiesHead: true,
      dropout: DropoutRates(embedding: 0.1, attention: 0.1, residual: 0.1)))
  static let llama = SmallModel(
    name: "llama",
    configuration: ModelConfiguration(
      architecture: .llama, layerCount: 2, hiddenSize: 12, headCount: 4, keyValueHeadCount: 2,
      headSize: 4, intermediateSize: 10, vocabularySize: 19, contextLength: 12, normEpsilon: 1e-3,
      rotary: RotaryEmbedding(), tiesHead: true))

  /// Both families with tied and untied heads, grouped key/value heads among them.
  static let all = [gpt2, gpt2.withTie(false), llama.withTie(false), llama]

  func withTie(_ ties: Bool) -> SmallModel {
    var copy = configuration
    copy.tiesHead = ties
    return SmallModel(name: name + (ties ? "" : " untied"), configuration: copy)
  }

  /// The measurements' settings: an ε that matters beside the gradients, and the β₂ for which a shared
  /// step count matters most.
  static let training = MeasuredTraining(
    optimizer: .adamW(
      AdamWConfiguration(beta1: 0.9, beta2: 0.999, epsilon: 1e-4, weightDecay: 0.1)),
    learningRate: 3e-3)

  /// Values away from any default.
  func randomState(seed: UInt64 = 7) throws -> ModelState {
    var random = SplitMix64(seed: seed)
    let values = try configuration.program().parameters.map { spec in
      let center: Float = spec.initializer == .ones ? 1 : 0
      return HostTensor(
        (0..<spec.shape.elementCount).map { _ in
          center + Float.random(in: -0.7...0.7, using: &random)
        }, shape: spec.shape)
    }
    return ModelState(configuration, values: values)
  }

  /// The random values after five real steps, with their moments.
  func trained(
    by optimizer: OptimizerConfiguration = training.optimizer
  ) throws -> ModelState {
    var state = try randomState()
    var program = configuration
    program.dropout = .none
    let session = try Float64Engine().makeSession(
      for: program.program(), parameters: state.parameters, precision: .fp32)
    let specs = try configuration.program().parameters
    let batches = TokenBatch.random(
      count: 5, for: configuration, sequences: 3, length: 12, seed: 99)
    for (step, batch) in batches.enumerated() {
      _ = try session.accumulateGradients(
        of: batch, normalizer: batch.targetCount,
        dropoutKey: DropoutKey(seed: 0, step: 0, microBatch: 0))
      var clocks = zip(specs, state.parameters).map { ParameterClock(name: $0.name, $1) }
      for index in clocks.indices { clocks[index].stepCount = step }
      _ = try session.update(
        optimizer.updates(learningRate: 3e-3, parameters: specs, clocks: clocks),
        clip: nil)
    }
    state.parameters = try session.parameters()
    for index in state.parameters.indices { state.parameters[index].stepCount = batches.count }
    return state
  }
}

extension ModelState {
  /// The training state around the model.
  func trainingState(
    _ optimizer: OptimizerConfiguration = SmallModel.training.optimizer
  ) throws -> TrainingState {
    let tokens = try InMemoryTokens(
      [Int32](repeating: 1, count: 2 * configuration.contextLength),
      vocabularySize: configuration.vocabularySize)
    var state = TrainingState(
      model: configuration,
      training: TrainingConfiguration(
        batch: BatchConfiguration(sequences: 2), optimizer: optimizer,
        schedule: LearningRateSchedule(
          kind: .constant, peak: 3e-3, warmup: .steps(0), total: .steps(100)),
        stop: StopConditions(after: .steps(100))),
      values: parameters.map(\.value),
      cursor: try BatchStream(
        tokens, contextLength: configuration.contextLength, order: .sequential, seed: 0
      ).cursor)
    state.parameters = parameters
    return state
  }
}

/// Proves a growth of a small model, in float32 and in float64.
func verify(
  _ small: ModelState, _ plans: [GrowthPlan], options: GrowthOptions = GrowthOptions(seed: 3),
  declared: Guarantees? = nil, change: (inout ModelState) throws -> Void = { _ in }
) throws -> VerificationReport {
  var grown = ModelState(
    try GrowthPath(plans, of: small.configuration, options: options)
      .grown(try small.trainingState()))
  try change(&grown)
  return try verification(small, grown, plans, options: options, declared: declared)
    .report(engine: CPUTrainingEngine(threads: 1))
}

/// The same, unmeasured yet.
func verification(
  _ small: ModelState, _ grown: ModelState, _ plans: [GrowthPlan]?,
  options: GrowthOptions = GrowthOptions(seed: 3), declared: Guarantees? = nil
) throws -> GrowthVerification {
  var verification = GrowthVerification(
    small: small, grown: grown,
    path: try plans.map { try GrowthPath($0, of: small.configuration, options: options) },
    declared: declared,
    training: SmallModel.training)
  // Long enough that every token and position is seen.
  verification.liveBatches = TokenBatch.random(
    count: 2, for: grown.configuration, sequences: 8, length: 64, seed: 5)
  return verification
}

/// Expects every declared guarantee to be kept, and says which number is not.
func expectSound(
  _ report: VerificationReport, sourceLocation: SourceLocation = #_sourceLocation
) {
  for check in report.checks where check.verdict == .broken {
    Issue.record(
      """
      \(report.operation ?? "?"): \(check.check) \
      fp32 \(check.float32.map { "\($0)" } ?? "–") float64 \(check.float64.map { "\($0)" } ?? "–")
      """, sourceLocation: sourceLocation)
  }
}
