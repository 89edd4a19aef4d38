// SPDX-License-Identifier: Apache-2.0

/// When the state is saved, and how many of the saved ones stay.
public struct CheckpointConfiguration: Sendable, Hashable, Codable {
  /// How often; the end of a run is saved as well.
  public var every: TrainingDuration
  /// The newest checkpoints that stay, beside the newest good one and the best by validation; nil
  /// for all.
  public var keep: Int?

  /// Makes a configuration.
  public init(every: TrainingDuration = .steps(500), keep: Int? = 3) {
    self.every = every
    self.keep = keep
  }

  /// Checks the numbers; errors name `key`.
  public func validate(_ key: String = "checkpoint") throws {
    try every.validate("\(key).every")
    if let keep {
      try TrainingError.check(keep > 0, "\(key).keep", "\(keep) is not positive")
    }
  }
}

/// When a run is over: as soon as one of the conditions holds.
public struct StopConditions: Sendable, Hashable, Codable {
  /// Which loss ``StopConditions/loss`` is compared with.
  public enum LossKind: String, Sendable, Hashable, CaseIterable, Codable {
    case validation, training
  }

  /// After so much training, in any measure.
  public var after: TrainingDuration?
  /// At this loss or below, in nats per token.
  public var loss: Double?
  /// Which loss; a single step's training loss is noisy, so by default the validation loss.
  public var lossKind: LossKind

  /// Makes conditions.
  public init(
    after: TrainingDuration?, loss: Double? = nil, lossKind: LossKind = .validation
  ) {
    self.after = after
    self.loss = loss
    self.lossKind = lossKind
  }

  /// The conditions for people: `after 20M tokens or at a validation loss of 3.2`.
  package var summary: String {
    [after.map { "after \($0)" }, loss.map { "at a \(lossKind.rawValue) loss of \($0)" }]
      .compactMap { $0 }.joined(separator: " or ")
  }

  /// Checks the numbers; errors name `key`.
  public func validate(_ key: String = "stop") throws {
    try after?.validate("\(key).after", allowsZero: true)
    if let loss {
      try TrainingError.check(
        loss.isFinite && loss > 0, "\(key).loss", "\(loss) is not a positive loss")
    }
    try TrainingError.check(
      after != nil || loss != nil, key, "nothing ever stops the run; give 'after' or 'loss'")
  }
}

/// How the gradient-noise scale is measured.
public struct NoiseScaleConfiguration: Sendable, Hashable, Codable {
  /// Steps from one measurement to the next.
  public var every: Int
  /// Memory of the running means, in 0 ..< 1: the share that an old value keeps.
  public var smoothing: Double

  /// Makes a configuration.
  public init(every: Int = 10, smoothing: Double = 0.9) {
    self.every = every
    self.smoothing = smoothing
  }

  /// Checks the numbers; errors name `key`.
  public func validate(_ key: String = "noiseScale") throws {
    try TrainingError.check(every > 0, "\(key).every", "\(every) is not positive")
    try TrainingError.check(
      (0..<1).contains(smoothing), "\(key).smoothing", "\(smoothing) is not from 0 to below 1")
  }
}
