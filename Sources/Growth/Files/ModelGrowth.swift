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
  /// How it is done; the source and its hash are filled in.
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
    plans = try growth.plans(from: source.model)
    var options = options
    options.source = source.url.path(percentEncoded: false)
    options.sourceHash = source.hash
    self.options = options
    try GrowthError.check(
      !plans.isEmpty, .unreachable, options.source ?? "",
      "nothing grows: the model has these sizes already")
    try options.validate()
    let hasTrainingOptions = options.moments != .mapped || options.schedule != .continued
    try GrowthError.check(
      source.status != nil || !hasTrainingOptions, .invalidOptions, options.source ?? "",
      "holds weights alone, which have no moments and no schedule")
    for plan in plans { _ = try plan.tensors() }
  }

  /// The grown model.
  public var target: ModelConfiguration { plans.last?.target ?? source.model }

  /// What all its steps promise.
  public var guarantees: Guarantees { plans.guarantees }

  /// What `growth.json` will say.
  public func receipt() throws -> GrowthReceipt {
    try GrowthReceipt(plans, options: options, step: source.status?.progress.steps)
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

  /// Bytes of memory that the growth needs, for the tensors before and after its largest step.
  public func memoryByteCount() throws -> Int {
    let models = [source.model] + plans.map(\.target)
    let counts = try models.map { try $0.parameterCount().total }
    let pair = zip(counts, counts.dropFirst()).map { $0 + $1 }.max() ?? 0
    // Value and two moments, float32.
    return pair * 4 * (source.status == nil ? 1 : 3)
  }
}
