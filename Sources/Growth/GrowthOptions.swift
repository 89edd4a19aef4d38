// SPDX-License-Identifier: Apache-2.0
import Training

/// What becomes of the optimizer's moments.
public enum MomentPolicy: String, Sendable, Hashable, CaseIterable, Codable {
  /// They are multiplied by γ and γ² everywhere: what Adam would hold, had it trained the grown model.
  /// Entries that are no copies start at zero, with a step count of their own.
  case mapped
  /// All start at zero, with step counts of zero.
  case reset
  /// Entries that the small model had keep theirs; copies start at zero, with a step count of their own.
  case resetNew
  /// As the paper's authors released it: block-diagonal matrices get moments in the diagonal blocks
  /// only, and all entries keep the step count. Kept for comparison.
  case diagonal

  /// That of a growth of which nothing else is said.
  public static let `default` = MomentPolicy.mapped
}

/// How the learning-rate schedule goes on after a growth.
public enum ScheduleContinuation: Sendable, Hashable {
  /// As it is placed for the models and the training that are grown; nil for
  /// ``SchedulePlacement/usual(after:)`` and for the re-warm-up of ``SchedulePlacement/continuation(from:to:on:rewarmup:)``.
  case placed(SchedulePlacement?, rewarmup: TrainingDuration?)
  /// From where it stands.
  case continued
  /// From where a model of the target's size would have come to the same loss: at 1/`ratio` of the
  /// steps and tokens (`S₂ = S₁/ρ`), with the rate rising again from zero for `rewarmup`.
  case repositioned(ratio: Double, rewarmup: TrainingDuration?)

  /// As it is usually placed.
  public static let automatic = ScheduleContinuation.placed(nil, rewarmup: nil)
}

/// How a state is grown, whatever the operator.
public struct GrowthOptions: Sendable, Hashable {
  /// Fixes noise and new values.
  public var seed: UInt64
  /// What becomes of the moments.
  public var moments: MomentPolicy
  /// How the learning-rate schedule goes on.
  public var schedule: ScheduleContinuation
  /// The factor on the learning rate of entries that the small model did not have, second and later
  /// copies among them; nil for the rate of all others.
  public var newEntryRate: NewEntries.Rate?
  /// The checkpoint that is grown, for the lineage.
  public var source: String?
  /// A hash of that checkpoint.
  public var sourceHash: String?

  /// Makes options.
  public init(
    seed: UInt64 = 0, moments: MomentPolicy = .default,
    schedule: ScheduleContinuation = .automatic, newEntryRate: NewEntries.Rate? = nil,
    source: String? = nil, sourceHash: String? = nil
  ) {
    self.seed = seed
    self.moments = moments
    self.schedule = schedule
    self.newEntryRate = newEntryRate
    self.source = source
    self.sourceHash = sourceHash
  }
}

extension GrowthOptions {
  /// Checks the numbers.
  ///
  /// - Throws: ``GrowthError`` of code `invalidOptions`; the errors of Training for a re-warm-up that
  ///   is no length, and for a rate of new entries that cannot be.
  public func validate() throws {
    try newEntryRate?.validate("newEntryRate")
    let (ratio, rewarmup): (Double?, TrainingDuration?)
    switch schedule {
    case .continued: return
    case .placed(.ratio(let value)?, let duration): (ratio, rewarmup) = (value, duration)
    case .placed(_, let duration): (ratio, rewarmup) = (nil, duration)
    case .repositioned(let value, let duration): (ratio, rewarmup) = (value, duration)
    }
    if let ratio {
      try GrowthError.check(
        SchedulePlacement.ratios.contains(ratio), .invalidOptions, subject: "schedule",
        "the ratio \(ratio) is not that of a larger model's speed; expected 1 to "
          + "\(Int(SchedulePlacement.ratios.upperBound))")
    }
    try rewarmup?.validate("rewarmup", allowsZero: true)
    try GrowthError.check(
      rewarmup?.measure != .seconds, .invalidOptions, subject: "rewarmup",
      "is wall time, which no two runs share; expected steps, tokens or FLOPs")
  }
}

extension GrowthParameter {
  /// ``GrowthDescription/moments``.
  public static let moments = choice(
    "moments", .training, \.moments, help: "What becomes of the optimizer's moments.",
    defaultValue: .default)

  /// ``GrowthDescription/newRate``.
  public static let newRate = number(
    "newRate", .training, \.newRate,
    help:
      "Multiplies the learning rate of new rows, columns and layers; the factor goes to 1 over some "
      + "steps, as published 1.3 over \(NewEntries.Rate.defaultSteps).",
    expected: { _ in "a factor from 0 to \(Int(NewEntries.Rate.factors.upperBound))" }
  ) { NewEntries.Rate.factors.contains($0) }

  /// ``GrowthDescription/newRateSteps``.
  public static let newRateSteps = integer(
    "newRateSteps", .training, \.newRateSteps, in: NewEntries.Rate.stepCounts,
    help: "Steps over which the factor on new entries' learning rate goes to 1.",
    defaultValue: NewEntries.Rate.defaultSteps)
}
