// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import OrderedJSON
import Tensors
import Training

/// A growth of a model on disk: made first, looked at, then written.
///
///     let source = try GrowthSource(reading: checkpoint)
///     let growth = try ModelGrowth(of: source, by: WidthGrowth(factor: 2))
///     try growth.write(to: larger)
public struct ModelGrowth: Sendable {
  /// What is grown.
  public let source: GrowthSource
  /// What is done.
  public let plans: [GrowthPlan]
  /// How it is done; the source is filled in, its hash where it has a manifest, and where the schedule
  /// goes on.
  public let options: GrowthOptions

  /// Plans a growth.
  ///
  /// - Throws: ``GrowthError``; of code `unreachable` where nothing would grow, `invalidOptions` for
  ///   options of training where the source is weights alone.
  public init(
    of source: GrowthSource, by growth: some GrowthOperator,
    options: GrowthOptions = GrowthOptions()
  ) throws {
    self.source = source
    plans = try growth.plans(from: source.model).after(source.earlierGrowths)
    var options = options
    options.source = source.url.path(percentEncoded: false)
    options.sourceHash = try source.files.quickHash()
    self.options = try options.settled(for: plans, of: source.status)
    try GrowthError.check(
      !plans.isEmpty, .unreachable, options.source ?? "",
      "nothing grows: the model has these sizes already")
    try options.validate()
    let rates = plans.contains { $0.learningRates == .smallTrajectory }
    try GrowthError.check(
      source.status != nil || !rates, .invalidOptions, options.source ?? "",
      "holds weights alone, which have no place for the learning rates of the small model's "
        + "trajectory; use the target's")
    let hasTrainingOptions = options.moments != .mapped || self.options.schedule != .continued
    try GrowthError.check(
      source.status != nil || !hasTrainingOptions, .invalidOptions, options.source ?? "",
      "holds weights alone, which have no moments and no schedule")
    for plan in plans { _ = try plan.tensors() }
  }

  /// The grown model.
  public var target: ModelConfiguration { plans.last?.target ?? source.model }

  /// What all its steps promise.
  public var guarantees: Guarantees { plans.guarantees }

  /// What `growth.json` will say, but for the files that are written.
  ///
  /// - Throws: the errors of Checkpoints for a source that cannot be read: its hash is part of it.
  public func receipt() throws -> GrowthReceipt {
    var options = options
    options.sourceHash = try source.hash
    return try GrowthReceipt(plans, options: options, step: source.status?.progress.steps)
  }

  /// The grown state's status; nil where only the weights are grown.
  public func grownStatus() throws -> TrainingStatus? {
    try source.status.map { status in
      try plans.reduce(status) { try $1.grown($0, options: options) }
        .started(by: plans, options: options)
    }
  }

  /// Keys of `config.json` without which the grown model computes something else, and that only this
  /// library knows: transformers has no word for them.
  public func ownKeys() throws -> [String] {
    var model = target
    model.dropout = .none
    let file = try HuggingFaceConfiguration(model).encoded()
    guard case .object(let object) = try JSONValue(parsing: [UInt8](file)) else { return [] }
    return object.members.map(\.key).filter { $0.hasPrefix("espalier_") }
  }
}
