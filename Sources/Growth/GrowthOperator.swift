// SPDX-License-Identifier: Apache-2.0
import Architectures
import Training

/// Makes a larger model of a smaller one.
///
///     let larger = try WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)).grown(state)
public protocol GrowthOperator: Sendable {
  /// The growths to be done one after the other, each from the model that the one before leaves.
  ///
  /// - Throws: ``GrowthError`` where the operator does not fit the model, with what would.
  func plans(from model: ModelConfiguration) throws -> [GrowthPlan]
}

extension GrowthOperator {
  /// The model that comes of growing `model`.
  public func target(from model: ModelConfiguration) throws -> ModelConfiguration {
    try plans(from: model).last?.target ?? model
  }

  /// The growths of `model`, put together and checked.
  ///
  /// - Throws: as ``plans(from:)`` and ``GrowthPath/init(_:of:options:parametrization:)``.
  public func path(
    from model: ModelConfiguration, options: GrowthOptions = GrowthOptions()
  ) throws -> GrowthPath {
    try GrowthPath(plans(from: model), of: model, options: options)
  }

  /// What the growth of `model` promises: what all its steps do.
  public func guarantees(from model: ModelConfiguration) throws -> Guarantees {
    try path(from: model).guarantees
  }

  /// This growth, and then another.
  public func then(_ next: some GrowthOperator) -> GrowthSequence {
    let own = (self as? GrowthSequence)?.operators ?? [self]
    let others = (next as? GrowthSequence)?.operators ?? [next]
    return GrowthSequence(own + others)
  }

  /// The whole state of the grown model, from which training goes on.
  ///
  /// - Throws: ``GrowthError``; the errors of Training for a state that is not sound.
  public func grown(
    _ state: TrainingState, options: GrowthOptions = GrowthOptions()
  ) throws -> TrainingState {
    try path(from: state.status.model, options: options).grown(state)
  }
}

/// Growths one after the other, as one.
public struct GrowthSequence: GrowthOperator {
  /// The growths in order.
  public var operators: [any GrowthOperator]

  /// A sequence; an empty one changes nothing.
  public init(_ operators: [any GrowthOperator]) { self.operators = operators }

  /// The plans of all growths.
  public func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    var model = model
    var result: [GrowthPlan] = []
    for growth in operators {
      result += try growth.plans(from: model)
      model = result.last?.target ?? model
    }
    return GrowthPath.withCommonLiveness(result)
  }
}
