// SPDX-License-Identifier: Apache-2.0
import Architectures
import Training

/// Where a learning-rate schedule is to go on after a growth, whatever the models.
public enum SchedulePlacement: Sendable, Hashable {
  /// Where a model of the new size would stand, by ``ScheduleRatio/fitted``; for a model without
  /// layers, of which no ratio is known, where the schedule stands.
  case automatic
  /// Where it stands.
  case kept
  /// At 1/ρ of what it has run so far.
  case ratio(Double)

  /// Ratios that may be asked for.
  static let ratios = 1.0...1_000_000.0

  /// Where a schedule goes on unless somebody says otherwise: ``automatic``, but ``kept`` where learning
  /// rates are meant for the small model's trajectory, which is its own schedule's.
  public static func usual(after path: GrowthPath) -> SchedulePlacement {
    path.plans.contains { $0.learningRates == .smallTrajectory } ? .kept : .automatic
  }

  /// How the schedule of a small model's training goes on with a larger model.
  ///
  /// - Parameters:
  ///   - schedule: the schedule of the training.
  ///   - rewarmup: how long the rate rises again from zero, none for an amount of 0; nil for
  ///     ``Training/LearningRateSchedule/rewarmupAfterGrowth`` where the schedule moves, and none where
  ///     it does not.
  /// - Throws: the errors of Architectures for models that contradict themselves.
  public func continuation(
    from small: ModelConfiguration, to large: ModelConfiguration,
    on schedule: LearningRateSchedule, rewarmup: TrainingDuration? = nil
  ) throws -> ScheduleContinuation {
    let ratio = try ratio(from: small, to: large)
    let isMoved = ratio != 1
    let length = rewarmup ?? (isMoved ? schedule.rewarmupAfterGrowth : nil)
    let rising = length.flatMap { $0.amount > 0 ? $0 : nil }
    return isMoved || rising != nil ? .repositioned(ratio: ratio, rewarmup: rising) : .continued
  }

  /// ρ; 1 where the schedule goes on from where it stands.
  private func ratio(
    from small: ModelConfiguration, to large: ModelConfiguration
  ) throws -> Double {
    switch self {
    case .kept: return 1
    case .ratio(let ratio): return ratio
    case .automatic:
      guard small.layerCount > 0 else { return 1 }
      return max(1, try ScheduleRatio.fitted.value(from: small, to: large))
    }
  }
}

extension LearningRateSchedule {
  /// How long the rate rises again after a growth that moves the schedule: a fifteenth of the warm-up.
  ///
  /// In the staged-training paper it is 200 steps of a warm-up of 3000 (arXiv 2203.06211). Nil where
  /// that is less than one step or token.
  public var rewarmupAfterGrowth: TrainingDuration? {
    switch warmup {
    case .steps(let count): count < 15 ? nil : .steps(count / 15)
    case .tokens(let count): count < 15 ? nil : .tokens(count / 15)
    case .floatingPointOperations(let amount):
      amount > 0 ? .floatingPointOperations(amount / 15) : nil
    case .seconds: nil
    }
  }
}

extension GrowthParameter {
  /// ``GrowthDescription/schedule``.
  public static let schedule = GrowthParameter(
    "schedule", .training, \.schedule,
    help:
      "Where the learning-rate schedule goes on: where it stands, or at 1/ratio of its steps; auto takes "
      + "the ratio at which a larger model comes to the same loss sooner, by its number of parameters. "
      + "It is auto unless said otherwise, and keep where learning rates are meant for the small "
      + "model's trajectory.",
    expected: { _ in "auto, keep, or a ratio from 1 to \(Int(SchedulePlacement.ratios.upperBound))"
    },
    placeholder: "keep|auto|ratio",
    read: { written in
      switch written {
      case .word("auto"): .automatic
      case .word("keep"): .kept
      default:
        written.number.flatMap { SchedulePlacement.ratios.contains($0) ? .ratio($0) : nil }
      }
    },
    write: { placement in
      switch placement {
      case .automatic: .word("auto")
      case .kept: .word("keep")
      case .ratio(let ratio): .number(ratio)
      }
    })

  /// ``GrowthDescription/rewarmup``.
  public static let rewarmup = GrowthParameter(
    "rewarmup", .training, \.rewarmup,
    help:
      "How long the rate rises again from zero. Where the schedule moves it is a fifteenth of the "
      + "schedule's own warm-up unless said otherwise; 0 steps are none.",
    expected: { _ in "a number of steps, tokens or FLOPs, such as 200 steps or 20M tokens" },
    placeholder: "duration",
    read: { written in
      TrainingDuration(written.text).flatMap { $0.measure != .seconds && $0.amount >= 0 ? $0 : nil }
    },
    write: { .word("\($0)") })
}
