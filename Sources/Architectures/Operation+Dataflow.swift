// SPDX-License-Identifier: Apache-2.0

extension Program.Operation {
  /// The values this operation reads, in the order of its fields.
  public var inputs: [Program.Value] {
    switch self {
    case .embedding: []
    case .positionEmbedding(_, let input, _), .norm(_, _, let input, _, _, _),
      .linear(let input, _, _, _, _), .activation(_, let input, _), .dropout(_, _, let input, _),
      .head(let input, _, _):
      [input]
    case .rotary(_, let slice, _, _): [slice.value]
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
      .add(_, _, let output), .dropout(_, _, _, let output):
      output
    case .attention(let attention): attention.output
    case .head: nil
    }
  }
}
