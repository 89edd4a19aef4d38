// SPDX-License-Identifier: Apache-2.0
import Architectures
import Text
import Training

/// One batch on its way through a program: the values, and on the way back their gradients.
struct ReferencePass {
  let program: Program
  let parameters: [[Double]]
  let batch: TokenBatch
  let dropoutKey: DropoutKey?

  var values: [Matrix]
  var gradients: [Matrix]
  var parameterGradients: [[Double]]
  var logits: Matrix
  var loss: LossSum

  private var rowCount: Int { batch.inputs.count }

  init(_ model: ReferenceModel, _ batch: TokenBatch, _ dropoutKey: DropoutKey?) throws {
    program = model.program
    parameters = model.parameters
    self.batch = batch
    self.dropoutKey = dropoutKey
    let rows = batch.inputs.count
    values = program.widths.map { Matrix(zeros: rows, $0) }
    gradients = values
    parameterGradients = parameters.map { [Double](repeating: 0, count: $0.count) }
    logits = Matrix(zeros: rows, program.configuration.vocabularySize)
    loss = LossSum(total: 0, targetCount: batch.targetCount)
    try checkBatch()
  }

  private func checkBatch() throws {
    let c = program.configuration
    let vocabulary = Int32(clamping: c.vocabularySize)
    if let token = batch.inputs.first(where: { !(0..<vocabulary).contains($0) }) {
      throw ReferenceEngineError(
        .invalidBatch, "token \(token) is not from 0 to below \(vocabulary)", subject: "inputs")
    }
    if let token = batch.targets.first(where: { !(-1..<vocabulary).contains($0) }) {
      throw ReferenceEngineError(
        .invalidBatch, "token \(token) is not from −1 to below \(vocabulary)", subject: "targets")
    }
    let hasTable = program.parameters.contains { $0.role == .positionEmbedding }
    guard !hasTable || batch.sequenceLength <= c.contextLength else {
      throw ReferenceEngineError(
        .invalidBatch,
        "sequences of \(batch.sequenceLength) are longer than the context of \(c.contextLength)",
        subject: "sequenceLength")
    }
  }

  /// The factor on element number e of a dropout: 0, or 1 / (1 − rate); always 1 without a key.
  func mask(rate: Double, stream: Int) -> (UInt64) -> Double {
    guard let key = dropoutKey, rate > 0 else { return { _ in 1 } }
    return { key.keeps(element: $0, stream: stream, rate: rate) ? 1 / (1 - rate) : 0 }
  }

  func thinned(_ x: Matrix, rate: Double, stream: Int) -> Matrix {
    let factor = mask(rate: rate, stream: stream)
    var y = x
    for index in y.elements.indices { y.elements[index] *= factor(UInt64(index)) }
    return y
  }

  func slice(_ slice: Program.Slice) -> Matrix {
    values[slice.value].columns(from: slice.offset, width: slice.width)
  }

  func linear(
    _ weight: Program.Parameter, _ layout: Program.WeightLayout, _ bias: Program.Parameter?,
    width: Int
  ) -> LinearOperation {
    LinearOperation(
      weight: parameters[weight], layout: layout, bias: bias.map { parameters[$0] },
      outputWidth: width)
  }

  func norm(
    _ kind: Program.NormKind, _ epsilon: Double, _ gain: Program.Gain?,
    _ bias: Program.Parameter?, width: Int
  ) -> NormOperation {
    let gains = gain.map { gain in parameters[gain.parameter].map { $0 + gain.offset } }
    return NormOperation(
      kind: kind, epsilon: epsilon, gain: gains ?? [Double](repeating: 1, count: width),
      bias: bias.map { parameters[$0] })
  }

  func mixture(_ mixture: Program.MixtureOperation) -> MixtureOperation {
    func map(_ weight: Program.Parameter, width: Int) -> LinearOperation {
      linear(weight, mixture.layout, nil, width: width)
    }
    let c = program.configuration
    return MixtureOperation(
      router: map(mixture.router, width: mixture.experts.count),
      experts: mixture.experts.map {
        .init(
          gate: map($0.gate, width: c.intermediateSize), up: map($0.up, width: c.intermediateSize),
          down: map($0.down, width: c.hiddenSize))
      },
      perToken: mixture.perToken, activation: mixture.activation)
  }

  func rotary(
    _ embedding: RotaryEmbedding, _ input: Program.Slice, _ headSize: Int
  ) -> RotaryOperation {
    RotaryOperation(
      embedding: embedding, headSize: headSize,
      columns: input.offset..<input.offset + input.width, length: batch.sequenceLength)
  }

  func attention(_ operation: Program.AttentionOperation) -> AttentionOperation {
    AttentionOperation(
      headCount: operation.headCount, keyValueHeadCount: operation.keyValueHeadCount,
      headSize: operation.headSize, causal: operation.causal, window: operation.window,
      scale: operation.scale, length: batch.sequenceLength,
      mask: mask(rate: operation.dropout, stream: operation.dropoutStream))
  }
}
