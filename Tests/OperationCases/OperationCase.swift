// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Tensors

/// One operation, and how a failure names it.
package struct OperationCase: Sendable, CustomStringConvertible {
  package var description: String
  package var model: SingleOperation

  package init(
    _ description: String, _ width: Int, _ outputWidth: Int, parameters: [Shape] = [],
    seed: UInt64 = 1, _ operation: Program.Operation
  ) {
    self.description = description
    model = SingleOperation(
      width: width, outputWidth: outputWidth, shapes: parameters, seed: seed,
      operations: [operation])
  }

  private static let (input, output) = (SingleOperation.input, SingleOperation.output)

  package static let all: [OperationCase] =
    norms + activations + elements + products + turns + attentions + mixtures

  package static let norms: [OperationCase] = [
    OperationCase(
      "layer norm", 7, 7, parameters: [[7], [7]],
      .norm(.layer, epsilon: 0.01, input: input, gain: .init(1), bias: 2, output: output)),
    OperationCase(
      "root mean square norm", 7, 7, parameters: [[7]],
      .norm(
        .rootMeanSquare, epsilon: 0.01, input: input, gain: .init(1, offset: 1), bias: nil,
        output: output)),
    OperationCase(
      "norm without gain", 7, 7,
      .norm(.layer, epsilon: 0.01, input: input, gain: nil, bias: nil, output: output)),
    OperationCase(
      "norm of heads", 6, 6, parameters: [[3]],
      .headNorm(
        .rootMeanSquare, epsilon: 0.01, input: input, headSize: 3, gain: .init(1),
        output: output)),
  ]

  package static let activations: [OperationCase] = Program.ActivationKind.allCases.map {
    OperationCase("\($0)", 5, 5, seed: 8, .activation($0, input: input, output: output))
  }

  package static let elements: [OperationCase] = [
    OperationCase("scale", 5, 5, .scale(-1.5, input: input, output: output)),
    OperationCase(
      "positions", 5, 5, parameters: [[4, 5]],
      .positionEmbedding(table: 1, input: input, output: output)),
    OperationCase("square", 5, 5, .multiply(left: input, right: input, output: output)),
    OperationCase("twice", 5, 5, .add(left: input, right: input, output: output)),
    OperationCase(
      "dropout", 5, 5, .dropout(rate: 0.3, stream: 2, input: input, output: output)),
    OperationCase(
      "columns", 7, 3, .columns(.init(value: input, offset: 2, width: 3), output: output)),
    OperationCase(
      "regroup", 12, 12,
      .regroup(input: input, groupCount: 2, widths: [3, 1, 2], output: output)),
  ]

  package static let products: [OperationCase] = Program.WeightLayout.allCases.flatMap { layout in
    [
      OperationCase(
        "linear, \(layout)", 5, 3, parameters: [shape(layout, 5, 3), [3]],
        .linear(input: input, weight: 1, layout: layout, bias: 2, output: output)),
      OperationCase(
        "linear without bias, \(layout)", 5, 19, parameters: [shape(layout, 5, 19)],
        .linear(input: input, weight: 1, layout: layout, bias: nil, output: output)),
    ]
  }

  package static let turns: [OperationCase] = [
    RotaryEmbedding.Scaling.none, .linear(factor: 2),
    .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 12),
  ].map { scaling in
    OperationCase(
      "rotary, \(scaling)", 10, 10,
      .rotary(
        RotaryEmbedding(base: 50, scaling: scaling),
        input: .init(value: input, offset: 2, width: 8), headSize: 4, output: output))
  }

  package static let attentions: [OperationCase] = [(true, nil), (true, 2), (false, nil)].flatMap {
    (causal: Bool, window: Int?) in
    [0, 0.3].compactMap { (rate: Double) -> OperationCase? in
      guard var attention = attention(4, 2, causal: causal, window: window) else { return nil }
      attention.dropout = rate
      return OperationCase(
        "attention, causal \(causal), window \(window ?? 0), dropout \(rate)", 16, 8,
        .attention(attention))
    }
  }

  /// Two of three experts, each 4 wide inside.
  package static let mixtures: [OperationCase] = Program.WeightLayout.allCases.compactMap {
    layout in
    let program = try? FamilyGolden.all.first { $0.name == "mixtral" }?.directory().program
    let known = program?.operations.lazy.compactMap { operation in
      if case .mixture(let mixture) = operation { mixture } else { nil }
    }
    guard var mixture = known?.first else { return nil }
    mixture.experts = Array(mixture.experts.prefix(3))
    var parameters = [shape(layout, 5, 3)]
    for index in mixture.experts.indices {
      mixture.experts[index].gate = 2 + 3 * index
      mixture.experts[index].up = 3 + 3 * index
      mixture.experts[index].down = 4 + 3 * index
      parameters += [shape(layout, 5, 4), shape(layout, 5, 4), shape(layout, 4, 5)]
    }
    (mixture.router, mixture.innerWidth, mixture.perToken) = (1, 4, 2)
    (mixture.input, mixture.output, mixture.layout) = (input, output, layout)
    return OperationCase("mixture, \(layout)", 5, 5, parameters: parameters, .mixture(mixture))
  }

  /// Queries, keys and values beside each other, two components to a head.
  package static func attention(
    _ heads: Int, _ keyHeads: Int, causal: Bool, window: Int? = nil
  ) -> Program.AttentionOperation? {
    let program = try? ModelConfiguration(
      architecture: .llama, layerCount: 1, hiddenSize: 6, headCount: 4, keyValueHeadCount: 2,
      headSize: 2, intermediateSize: 5, vocabularySize: 7, contextLength: 4,
      rotary: RotaryEmbedding(), tiesHead: false
    ).program()
    let known = program?.operations.lazy.compactMap { operation in
      if case .attention(let attention) = operation { attention } else { nil }
    }
    guard var attention = known?.first else { return nil }
    (attention.headCount, attention.keyValueHeadCount) = (heads, keyHeads)
    (attention.headSize, attention.scale) = (2, 0.9)
    (attention.causal, attention.window) = (causal, window)
    let (queries, keys) = (2 * heads, 2 * keyHeads)
    attention.query = .init(value: input, offset: 0, width: queries)
    attention.key = .init(value: input, offset: queries, width: keys)
    attention.value = .init(value: input, offset: queries + keys, width: keys)
    attention.output = output
    return attention
  }

  private static func shape(_ layout: Program.WeightLayout, _ inputs: Int, _ outputs: Int) -> Shape
  {
    layout == .inputOutput ? [inputs, outputs] : [outputs, inputs]
  }
}
