// SPDX-License-Identifier: Apache-2.0

extension Program {
  /// Tokens that the model knows: rows of the head's weight.
  public var vocabularySize: Int {
    guard case .head(_, let weight, _) = operations.last else { return 0 }
    return parameters[weight].shape[0]
  }

  /// Columns of what the head reads: the residual stream's width.
  public var hiddenSize: Int {
    guard case .head(let input, _, _) = operations.last else { return 0 }
    return widths[input]
  }

  /// Whether the head's weight is the token embedding.
  public var tiesHead: Bool {
    guard case .head(_, let weight, _) = operations.last else { return false }
    return parameters[weight].role == .tokenEmbedding
  }

  /// Blocks, as parameters are numbered.
  public var layerCount: Int { parameters.reduce(0) { max($0, ($1.layer ?? -1) + 1) } }
}
