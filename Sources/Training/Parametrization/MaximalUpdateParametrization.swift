// SPDX-License-Identifier: Apache-2.0
import Architectures
import Documents
import Tensors

/// The maximal update parametrization, muP: initial values and rates that follow from a model's width and
/// depth, so that what was tuned on a small base model serves larger ones.
///
/// Width as Yang et al., arXiv 2203.03466; depth as in CompleteP (Dey et al., arXiv 2505.01618, α = 1). The
/// papers multiply activations inside the model. Under optimizers whose steps do not depend on the gradient's
/// scale a factor c on a weight is the same as initial values and rates times c, and ε divided by c; so the
/// model's function stays what its family says, and any tool that opens the files computes it.
///
/// Relative to the base, with m = width / base width, m_in the same of what a matrix sums over, and
/// k = layers / base layers:
///
/// | parameter | initial values | rate | ε |
/// |---|---|---|---|
/// | embeddings | 1 | 1 | 1/m |
/// | matrices of a block | 1/√m_in | 1/m_in | 1/(m_out · k) |
/// | those that write to the residual stream | 1/(√m_in · k) | 1/(m_in · k) | 1/m |
/// | biases of a block; those that write to the stream | 1 | 1; 1/k | 1/(m_out · k); 1/m |
/// | norms of a block | 1 | 1 | 1/(m · k) |
/// | norm before a head of its own | 1 | 1 | 1/m |
/// | head of its own | 1/m | 1/m | 1 |
/// | norm before a tied head | 1/m | 1/m | 1 |
///
/// The article *Parametrization* derives the table. Where the head is tied, the norm before it takes the factor
/// on the logits. Where heads are wider than the base's, queries take √(base/size), since their family divides
/// scores by the root of the head size, and muP by the size.
public struct MaximalUpdateParametrization: Sendable, Hashable {
  /// The model that learning rate and ε were tuned on.
  public var base: BaseModel

  /// A parametrization relative to a model.
  public init(base: BaseModel) { self.base = base }

  /// What becomes of each parameter of a model, in the order of its program.
  ///
  /// - Throws: ``TrainingError`` of code `invalidConfiguration` for a base that the model's family cannot have,
  ///   or from which no rates follow; the errors of Architectures for a model that contradicts itself.
  public func scales(
    of model: ModelConfiguration, under optimizer: OptimizerConfiguration
  ) throws -> [ParameterScale] {
    let comparison = try SizeComparison(model, base: base)
    return comparison.parameters.map { comparison.scale(of: $0, under: optimizer) }
  }

  /// The parameters of a model, each with its start in this parametrization.
  ///
  /// - Throws: as ``scales(of:under:)``.
  public func parameters(of model: ModelConfiguration) throws -> [ParameterSpec] {
    let comparison = try SizeComparison(model, base: base)
    return comparison.parameters.map { spec in
      var spec = spec
      spec.initializer = comparison.initializer(of: spec)
      return spec
    }
  }
}

/// In files `{"kind": "mup", "base": {…}}`.
extension MaximalUpdateParametrization: FieldCoded {
  private enum Kind: String, CaseIterable, Codable { case mup }

  package init(_ fields: FieldCoder, of old: MaximalUpdateParametrization?) throws {
    _ = try fields.required("kind", Kind.mup)
    base = try fields.required("base", old?.base)
  }
}

extension TrainingConfiguration {
  /// What a new model of this training starts with, one float32 tensor for each parameter of its program.
  ///
  /// - Throws: as ``MaximalUpdateParametrization/parameters(of:)``.
  public func initialParameters(of model: ModelConfiguration) throws -> [HostTensor] {
    let initializer = ParameterInitializer(seed: seed)
    return try (parametrization?.parameters(of: model) ?? model.program().parameters).map {
      initializer.tensor(for: $0)
    }
  }

  /// What the model's sizes make of each parameter's steps; nil where they make nothing of them.
  ///
  /// - Throws: as ``MaximalUpdateParametrization/scales(of:under:)``.
  func scales(of model: ModelConfiguration) throws -> [ParameterScale]? {
    try parametrization?.scales(of: model, under: optimizer)
  }

  /// The clocks by which a model's next step is taken: those of its state, times what its sizes say.
  ///
  /// - Parameter clocks: in the order of the model's program.
  /// - Throws: as ``MaximalUpdateParametrization/scales(of:under:)``.
  package func effective(
    _ clocks: [ParameterClock], of model: ModelConfiguration
  ) throws -> [ParameterClock] {
    clocks.scaled(by: try scales(of: model))
  }

  /// The clocks of a state, given those by which its next step is to be taken.
  ///
  /// - Parameter clocks: in the order of the model's program.
  /// - Throws: as ``MaximalUpdateParametrization/scales(of:under:)``.
  package func stored(
    _ clocks: [ParameterClock], of model: ModelConfiguration
  ) throws -> [ParameterClock] {
    clocks.unscaled(by: try scales(of: model))
  }
}
