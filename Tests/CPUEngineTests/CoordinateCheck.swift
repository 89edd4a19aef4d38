// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Interpretation
import LinearAlgebra
import Tensors
import Text
import Training

/// How large the numbers inside a model are after some steps of training: the engine trains, the interpreter
/// reads.
struct CoordinateCheck {
  /// What a training of some steps is repeated with in every size.
  var training: TrainingConfiguration

  init(
    steps: Int = 10, optimizer: OptimizerConfiguration, rate: Double = 0.004,
    parametrization: MaximalUpdateParametrization?
  ) {
    training = TrainingConfiguration(
      seed: 3, batch: BatchConfiguration(sequences: 4), optimizer: optimizer,
      schedule: LearningRateSchedule(
        kind: .constant, peak: rate, warmup: .steps(0), total: .steps(steps)),
      evaluation: nil, checkpoint: nil, stop: StopConditions(after: .steps(steps)),
      parametrization: parametrization)
  }

  /// A model of this width and depth whose heads are 16 wide.
  static func model(
    _ architecture: Architecture, width: Int = 32, layers: Int = 2
  ) -> ModelConfiguration {
    ModelConfiguration(
      architecture: architecture, layerCount: layers, hiddenSize: width, headCount: width / 16,
      intermediateSize: 4 * width, vocabularySize: 61, contextLength: 16,
      rotary: architecture == .llama ? RotaryEmbedding() : nil, tiesHead: architecture == .gpt2)
  }

  /// A text in which the next token depends on the last one.
  private static func tokens() throws -> InMemoryTokens {
    var state: UInt64 = 9
    var token: Int32 = 0
    let text = (0..<4000).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      token = (token * 7 + Int32(state >> 61)) % 61
      return token
    }
    return try InMemoryTokens(text, vocabularySize: 61)
  }

  /// A new model, trained.
  func trained(_ model: ModelConfiguration) throws -> TrainingState {
    let stream = try BatchStream(
      Self.tokens(), contextLength: 16, order: .shuffled, seed: training.seed)
    let state = TrainingState(
      model: model, training: training, values: try training.initialParameters(of: model),
      cursor: stream.cursor)
    let loop = try TrainingLoop(
      state: state, engine: CPUTrainingEngine(threads: 1),
      data: BatchStream(Self.tokens(), at: stream.cursor),
      surroundings: TrainingLoop.Surroundings(clock: { 0 }))
    _ = try loop.run()
    return try loop.snapshot()
  }

  /// The mean absolute value of what the operations of a trained model give, by their places.
  ///
  /// Blocks are averaged, so that models of several depths have the same places; what each adds to the
  /// stream is multiplied by their number, as it is to be the smaller the more they are.
  func sizes(_ model: ModelConfiguration) throws -> [String: Double] {
    let values = try trained(model).parameters.map(\.value)
    let program = try model.program()
    let batch = try BatchStream(Self.tokens(), contextLength: 16, order: .sequential, seed: 0)
      .first(sequences: 8)
    let pass = try Interpreter<Double>(
      program, parameters: MemoryParameters(values.map { $0.floats.map(Double.init) }),
      batch: batch, arithmetic: MatrixArithmetic(threads: 1), keepsValues: true)
    try pass.runToHead()
    var sizes: [String: [Double]] = [
      "logits": [try ReferenceModel(program: program, tensors: values).logits(batch).meanSize]
    ]
    for operation in program.operations {
      guard let output = operation.output else { continue }
      let (place, factor) = place(operation, in: program)
      sizes[place, default: []].append(
        try pass.value(output).elements.meanSize * (factor ? Double(model.layerCount) : 1))
    }
    return sizes.mapValues { $0.reduce(0, +) / Double($0.count) }
  }

  /// The name of an operation's result, and whether it is added to the stream.
  private func place(
    _ operation: Program.Operation, in program: Program
  ) -> (name: String, isBranch: Bool) {
    switch operation {
    case .embedding: ("token vectors", false)
    case .positionEmbedding: ("embedding", false)
    case .norm: ("norms", false)
    case .linear(_, let weight, _, _, _):
      ("\(program.parameters[weight].role)", program.parameters[weight].role.writesToResidual)
    case .attention: ("attention", false)
    case .activation: ("activation", false)
    case .multiply: ("gated", false)
    case .add: ("residual stream", false)
    default: ("turned and sliced", false)
    }
  }
}

extension [Double] {
  /// The mean absolute value.
  fileprivate var meanSize: Double { reduce(0) { $0 + abs($1) } / Double(count) }
}

extension BatchStream {
  fileprivate func first(sequences: Int) throws -> TokenBatch {
    var copy = self
    return try copy.next(sequenceCount: sequences, sequenceLength: cursor.contextLength)
  }
}
