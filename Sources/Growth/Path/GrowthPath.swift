// SPDX-License-Identifier: Apache-2.0
import Architectures
import Training

/// A way from a small model to a grown one: growths one after the other, and how they are carried out.
///
/// It is put together once; growing in memory and on disk, proofs, records and receipts all read it.
///
///     let path = try WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)).path(from: model)
///     guard path.guarantees.contains(.loss) else { return }
///     let larger = try path.grown(state)
public struct GrowthPath: Sendable {
  /// One growth with what it makes of each tensor.
  public struct Step: Sendable {
    /// The growth.
    public let plan: GrowthPlan
    /// How each tensor of the model after it comes about, in the order of its program.
    public let tensors: [TensorGrowth]
    /// The parameters of the model before it.
    package let sourceParameters: [ParameterSpec]
  }

  /// The small model.
  public let source: ModelConfiguration
  /// The growths in order; none where the model stays what it is.
  public let steps: [Step]
  /// How they are carried out, to which checkpoint, with which seed.
  public var options: GrowthOptions
  /// How new values follow from the models' sizes; nil for the start of their families.
  public let parametrization: MaximalUpdateParametrization?
  /// The small model's parameters.
  package let sourceParameters: [ParameterSpec]

  /// Puts growths together.
  ///
  /// Each model's program is built once, in time that grows with the number of tensors.
  ///
  /// - Throws: ``GrowthError`` of code `mismatch` where a plan starts from another model than the one
  ///   before leaves, or where its maps do not fit its models; the errors of Architectures for a model
  ///   that contradicts itself.
  public init(
    _ plans: [GrowthPlan], of model: ModelConfiguration, options: GrowthOptions = GrowthOptions(),
    parametrization: MaximalUpdateParametrization? = nil
  ) throws {
    source = model
    self.options = options
    self.parametrization = parametrization
    func parameters(of model: ModelConfiguration) throws -> [ParameterSpec] {
      try parametrization?.parameters(of: model) ?? model.program().parameters
    }
    sourceParameters = try parameters(of: model)
    var (model, specs) = (model, sourceParameters)
    steps = try plans.map { plan in
      try GrowthError.check(
        plan.source == model, .mismatch, subject: plan.operation,
        "is a growth of another model than this")
      let grown = try parameters(of: plan.target)
      let tensors = try plan.tensors(from: specs, to: grown)
      defer { (model, specs) = (plan.target, grown) }
      return Step(plan: plan, tensors: tensors, sourceParameters: specs)
    }
  }

  /// Puts growths together, from the model that the first one starts from.
  ///
  /// - Throws: ``GrowthError`` of code `mismatch` for no growths; as ``init(_:of:options:parametrization:)``.
  public init(
    _ plans: [GrowthPlan], options: GrowthOptions = GrowthOptions(),
    parametrization: MaximalUpdateParametrization? = nil
  ) throws {
    guard let first = plans.first else {
      throw GrowthError(.mismatch, "holds no growth", subject: "path")
    }
    try self.init(
      plans, of: first.source, options: options, parametrization: parametrization)
  }

  /// The growths in order.
  public var plans: [GrowthPlan] { steps.map(\.plan) }

  /// The grown model.
  public var target: ModelConfiguration { steps.last?.plan.target ?? source }

  /// The grown model's parameters, each with the initializer of its new entries.
  package var targetParameters: [ParameterSpec] {
    steps.last?.tensors.map(\.target) ?? sourceParameters
  }

  /// What is done, for people: the steps joined by “then”.
  public var operation: String { plans.map(\.operation).joined(separator: ", then ") }

  /// The seed of a step's noise and new values.
  func seed(ofStep step: Int) -> UInt64 { options.seed &+ UInt64(step) }

  /// Carries something that each parameter of the small model has through all steps.
  ///
  /// - Parameter next: what a tensor has after a step; it gets what its source has, nil where all
  ///   entries are new.
  package func carried<Value>(
    _ values: [Value], _ next: (Step, TensorGrowth, Value?) throws -> Value
  ) rethrows -> [Value] {
    try steps.reduce(values) { values, step in
      try step.tensors.map { try next(step, $0, $0.source.map { values[$0] }) }
    }
  }

  /// Which entries of the grown parameters have a source, and so a gradient that the plans map.
  ///
  /// One mask for each parameter, row-major, in the order of the grown model's program.
  /// ``mapped(gradients:)`` holds zeros where a mask is false. Entries of blocks that start anew have no
  /// source, though their values may be copies.
  package func mappedEntries() -> [[Bool]] {
    let all = sourceParameters.map {
      [Bool](repeating: true, count: $0.shape.elementCount)
    }
    return copiedEntries(of: all) { $0.keepsMoments }
  }

  /// Where entries of the small parameters come to lie in the grown ones, or zeros in their place.
  ///
  /// - Parameters:
  ///   - masks: some entries of each small parameter, row-major.
  ///   - isFollowed: whether a tensor's entries count as copies of its source's.
  /// - Returns: a mask for each grown parameter: the copies of those entries.
  package func copiedEntries(
    of masks: [[Bool]], where isFollowed: (TensorGrowth) -> Bool = { _ in true }
  ) -> [[Bool]] {
    steps.reduce(masks) { masks, step in
      step.tensors.map { growth in
        guard let place = growth.place, isFollowed(growth), let columns = place.axes.last else {
          return [Bool](repeating: false, count: growth.target.shape.elementCount)
        }
        let entries = masks[place.source]
        let length = step.sourceParameters[place.source].axes.last?.size ?? 1
        let rows = place.axes.count > 1 ? place.axes[0].sourceIndices : [0]
        return rows.flatMap { row in
          columns.sourceIndices.map { column in
            guard let row, let column else { return false }
            return entries[row * length + column]
          }
        }
      }
    }
  }
}

extension TensorGrowth {
  /// The tensor that this one comes from, or stands in the place of.
  fileprivate var place: Replaced? {
    source.map { Replaced(source: $0, axes: axes) } ?? replaced
  }
}

extension GrowthPath: Hashable {
  /// Whether two paths make the same of the same model: tensors follow from the plans.
  public static func == (one: GrowthPath, other: GrowthPath) -> Bool {
    one.source == other.source && one.plans == other.plans && one.options == other.options
      && one.parametrization == other.parametrization
  }

  /// Hashes what is compared.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(source)
    hasher.combine(plans)
    hasher.combine(options)
    hasher.combine(parametrization)
  }
}

extension AxisMap {
  /// The small axis's index that each index is a copy of; nil where it is none.
  fileprivate var sourceIndices: [Int?] {
    runs.flatMap { run -> [Int?] in
      guard case .indices(let first) = run.source else {
        return Array(repeating: nil, count: run.count)
      }
      return (first..<first + run.count).map { $0 }
    }
  }
}
