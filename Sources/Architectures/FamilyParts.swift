// SPDX-License-Identifier: Apache-2.0
//
// What the families' programs have in common.

extension ParameterSpec.Linear {
  /// Whether the map's result is added to the residual stream.
  var addsToResidual: Bool { self == .attentionOutput || self == .feedForwardDown }
}

/// The published start of matrices and embeddings.
let normal = ParameterSpec.Initializer.normal(standardDeviation: 0.02)

/// The published start of matrices whose results are added to the residual stream, so that the
/// stream's variance does not grow with depth.
func residualNormal(layerCount: Int) -> ParameterSpec.Initializer {
  .normal(standardDeviation: 0.02 / (2 * Double(max(layerCount, 1))).squareRoot())
}

/// The head's weight: the token embedding, or one of its own.
func head(
  _ build: inout ProgramBuilder, tiedTo tokens: Program.Parameter
) -> Program.Parameter {
  let c = build.configuration
  if c.tiesHead {
    build.copyNames["lm_head.weight"] = tokens
    return tokens
  }
  return build.parameter(
    ParameterSpec(
      name: "lm_head.weight", role: .head,
      axes: [
        .init(.output, .vocabulary, c.vocabularySize), .init(.input, .residual, c.hiddenSize),
      ],
      initializer: normal))
}

/// The table of the tokens' vectors.
func tokenEmbedding(
  _ build: inout ProgramBuilder, _ name: String, aliases: [String]
) -> Program.Parameter {
  let c = build.configuration
  return build.parameter(
    ParameterSpec(
      name: name, aliases: aliases, role: .tokenEmbedding,
      axes: [
        .init(.input, .vocabulary, c.vocabularySize), .init(.output, .residual, c.hiddenSize),
      ],
      initializer: normal))
}
