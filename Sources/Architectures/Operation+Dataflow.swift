// SPDX-License-Identifier: Apache-2.0

extension Program.Operation {
  /// The values this operation reads, in the order of its fields.
  public var inputs: [Program.Value] {
    switch self {
    case .embedding: []
    case .positionEmbedding(_, let input, _), .norm(_, _, let input, _, _, _),
      .linear(let input, _, _, _, _), .activation(_, let input, _), .dropout(_, _, let input, _),
      .head(let input, _, _), .scale(_, let input, _), .headNorm(_, _, let input, _, _, _),
      .regroup(let input, _, _, _):
      [input]
    case .rotary(_, let slice, _, _), .columns(let slice, _): [slice.value]
    case .mixture(let mixture): [mixture.input]
    case .attention(let attention):
      [attention.query.value, attention.key.value, attention.value.value]
    case .multiply(let left, let right, _), .add(let left, let right, _): [left, right]
    }
  }

  /// The value this operation writes; nil for the head.
  public var output: Program.Value? {
    switch self {
    case .embedding(_, let output), .positionEmbedding(_, _, let output),
      .norm(_, _, _, _, _, let output), .linear(_, _, _, _, let output),
      .rotary(_, _, _, let output), .activation(_, _, let output), .multiply(_, _, let output),
      .add(_, _, let output), .dropout(_, _, _, let output), .scale(_, _, let output),
      .headNorm(_, _, _, _, _, let output), .columns(_, let output),
      .regroup(_, _, _, let output):
      output
    case .mixture(let mixture): mixture.output
    case .attention(let attention): attention.output
    case .head: nil
    }
  }

  /// The parameters this operation reads, in the order of its fields.
  public var parameters: [Program.Parameter] {
    switch self {
    case .embedding(let table, _), .positionEmbedding(let table, _, _), .head(_, let table, _):
      [table]
    case .norm(_, _, _, let gain, let bias, _): [gain?.parameter, bias].compactMap { $0 }
    case .headNorm(_, _, _, _, let gain, _): [gain.parameter]
    case .linear(_, let weight, _, let bias, _): [weight] + (bias.map { [$0] } ?? [])
    case .mixture(let mixture):
      [mixture.router] + mixture.experts.flatMap { [$0.gate, $0.up, $0.down] }
    case .scale, .columns, .regroup, .rotary, .attention, .activation, .multiply, .add, .dropout:
      []
    }
  }
  /// Floating-point operations that the products take for one token of a sequence of a length.
  ///
  /// - Parameters:
  ///   - specs: the program's parameters.
  ///   - extent: which of attention's products count.
  package func floatingPointOperations(
    _ specs: [ParameterSpec], sequenceLength: Int, attention extent: FLOPCount.AttentionExtent
  ) -> FLOPCount {
    func products(_ weights: [Program.Parameter]) -> Double {
      weights.reduce(0) { $0 + 2 * Double(specs[$1].shape.elementCount) }
    }
    var count = FLOPCount.zero
    switch self {
    case .linear(_, let weight, _, _, _): count.linear = products([weight])
    case .mixture(let mixture):
      // The experts that a token takes are like all others.
      let experts = mixture.experts.prefix(mixture.perToken)
      count.linear = products(
        [mixture.router] + experts.flatMap { [$0.gate, $0.up, $0.down] })
    case .head(_, let weight, _): count.head = products([weight])
    case .attention(let attention):
      let keys = attention.keysPerToken(sequenceLength: sequenceLength, extent)
      count.attention = 4 * keys * Double(attention.headCount) * Double(attention.headSize)
    case .embedding, .positionEmbedding, .scale, .norm, .headNorm, .columns, .regroup, .rotary,
      .activation, .multiply, .add, .dropout:
      break
    }
    return count
  }
}
