// SPDX-License-Identifier: Apache-2.0

/// Everything that fixes how a model is trained, beside the model and the data.
public struct TrainingConfiguration: Sendable, Hashable, Codable {
  /// Fixes initial values, order of data and dropout.
  public var seed: UInt64
  /// The number format of the products.
  public var precision: Precision
  /// Sizes of a step.
  public var batch: BatchConfiguration
  /// The optimizer.
  public var optimizer: OptimizerConfiguration
  /// The learning rate.
  public var schedule: LearningRateSchedule
  /// Validation; nil for none.
  public var evaluation: EvaluationConfiguration?
  /// Saving on the way; nil for the end only.
  public var checkpoint: CheckpointConfiguration?
  /// When the run is over.
  public var stop: StopConditions
  /// Measurement of the gradient noise; nil for none.
  public var noiseScale: NoiseScaleConfiguration?
  /// What is done where a loss, a gradient or a weight is not finite; nil for ``TroubleAction/stop``.
  public var onNonFinite: TroubleAction?
  /// What is done where the loss rises at once; nil for nothing.
  public var onSpike: SpikePolicy?
  /// How initial values and rates follow from the model's sizes; nil for the same in every size.
  public var parametrization: MaximalUpdateParametrization?

  /// Makes a configuration; ``validate()`` checks it.
  public init(
    seed: UInt64 = 0, precision: Precision = .fp32, batch: BatchConfiguration,
    optimizer: OptimizerConfiguration = .adamW(AdamWConfiguration()),
    schedule: LearningRateSchedule,
    evaluation: EvaluationConfiguration? = EvaluationConfiguration(),
    checkpoint: CheckpointConfiguration? = CheckpointConfiguration(), stop: StopConditions,
    noiseScale: NoiseScaleConfiguration? = nil, onNonFinite: TroubleAction? = nil,
    onSpike: SpikePolicy? = nil, parametrization: MaximalUpdateParametrization? = nil
  ) {
    self.seed = seed
    self.precision = precision
    self.batch = batch
    self.optimizer = optimizer
    self.schedule = schedule
    self.evaluation = evaluation
    self.checkpoint = checkpoint
    self.stop = stop
    self.noiseScale = noiseScale
    self.onNonFinite = onNonFinite
    self.onSpike = onSpike
    self.parametrization = parametrization
  }

  /// Checks every part, and that the parts fit each other.
  ///
  /// - Throws: ``TrainingError`` that names the first key that does not fit.
  public func validate() throws {
    try batch.validate()
    try optimizer.validate()
    try schedule.validate()
    try evaluation?.validate()
    try checkpoint?.validate()
    try stop.validate()
    try noiseScale?.validate()
    try onSpike?.validate()
    try TrainingError.check(
      noiseScale == nil || batch.sequencesPerStep > 1, "noiseScale",
      "a step of one sequence has no smaller batch to compare with; give it more sequences")
    try TrainingError.check(
      stop.loss == nil || stop.lossKind == .training || evaluation != nil, "stop.loss",
      "the validation loss is never measured; give 'evaluate', or stop at the training loss")
  }
}
