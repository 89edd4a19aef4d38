// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
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
  /// What is done, and how: of the options the source is filled in, its hash where it has a manifest, and
  /// where the schedule goes on.
  public let path: GrowthPath

  /// Plans a growth.
  ///
  /// - Throws: ``GrowthError``; of code `unreachable` where nothing would grow, `invalidOptions` for
  ///   options of training where the source is weights alone.
  public init(
    of source: GrowthSource, by growth: some GrowthOperator,
    options: GrowthOptions = GrowthOptions()
  ) throws {
    self.source = source
    let plans = GrowthPath.plans(
      try growth.plans(from: source.model), after: source.earlierGrowths)
    var options = options
    options.source = source.url.path(percentEncoded: false)
    options.sourceHash = try source.files.quickHash()
    try GrowthError.check(
      !plans.isEmpty, .unreachable, subject: options.source ?? "",
      "nothing grows: the model has these sizes already")
    try options.validate()
    path = try GrowthPath(plans, of: source.model, options: options).settled(for: source.status)
    let rates = plans.contains { $0.learningRates == .smallTrajectory }
    try GrowthError.check(
      source.status != nil || !rates, .invalidOptions, subject: options.source ?? "",
      "holds weights alone, which have no place for the learning rates of the small model's "
        + "trajectory; use the target's")
    let hasTrainingOptions =
      options.moments != .default
      || (options.schedule != .automatic && options.schedule != .continued)
      || options.newEntryRate != nil
    try GrowthError.check(
      source.status != nil || !hasTrainingOptions, .invalidOptions, subject: options.source ?? "",
      "holds weights alone, which have no moments, no learning rates and no schedule")
  }

  /// The grown model.
  public var target: ModelConfiguration { path.target }

  /// How the growth is done.
  public var options: GrowthOptions { path.options }

  /// What all its steps promise, but for what the options take back.
  public var guarantees: Guarantees { path.guarantees(of: source.status) }

  /// What `growth.json` will say, but for the files that are written.
  ///
  /// - Throws: the errors of Checkpoints for a source that cannot be read: its hash is part of it.
  public func receipt() throws -> GrowthReceipt {
    var path = path
    path.options.sourceHash = try source.hash
    return GrowthReceipt(path, of: source.status)
  }

  /// The grown state's status; nil where only the weights are grown.
  public func grownStatus() -> TrainingStatus? { source.status.map { path.grown($0) } }

  /// Keys of `config.json` without which the grown model computes something else, and that only this
  /// library knows: transformers has no word for them.
  public func ownKeys() throws -> [String] {
    try HuggingFaceConfiguration.ownKeys(of: target).map(\.name)
  }
}
