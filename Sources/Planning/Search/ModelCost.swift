// SPDX-License-Identifier: Apache-2.0
import Architectures

/// A model with what a step of its training costs.
public struct ModelCost: Sendable, Hashable {
  /// The model.
  public let configuration: ModelConfiguration
  /// N: its exact parameters without embeddings.
  public let parameterCount: Int
  /// All of its parameters.
  public let totalParameterCount: Int
  /// Operations of a step by the rule 6 · N · tokens.
  public let flopsPerStepBySixN: Double
  /// Operations of a step as its program executes them, at sequences of the full context.
  public let exactFLOPsPerStep: Double

  /// Counts a model.
  ///
  /// - Parameter tokensPerStep: tokens of an optimizer step.
  /// - Throws: `ArchitecturesError` where the configuration contradicts itself.
  public init(_ configuration: ModelConfiguration, tokensPerStep: Double) throws {
    self.configuration = configuration
    let count = try configuration.parameterCount()
    parameterCount = count.withoutEmbeddings
    totalParameterCount = count.total
    flopsPerStepBySixN = count.trainingFLOPsBySixN * tokensPerStep
    exactFLOPsPerStep =
      try configuration.floatingPointOperations(sequenceLength: configuration.contextLength)
      .training * tokensPerStep
  }

  /// Operations of a step by a count.
  public func flopsPerStep(_ count: ComputeCount) -> Double {
    switch count {
    case .sixN: flopsPerStepBySixN
    case .exactProgram: exactFLOPsPerStep
    }
  }
}
