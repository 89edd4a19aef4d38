// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The learning rate as a function of progress.
///
/// All functions take the progress *after* the step that is about to be taken: the first step of a
/// schedule over steps has progress 1, the first step over tokens the tokens of that step, over
/// floating-point operations its operations. With p that progress in the measure of `warmup`, w the
/// warm-up, q the progress in the measure of `total`, W the warm-up's end and T the total:
///
///     p ≤ w          peak · p / w
///     q ≥ T          floor · peak
///     between        peak · (floor + (1 − floor) · shape((q − W) / (T − W)))
///
/// where shape falls from 1 to 0. So the step that completes the warm-up has the peak, and the step
/// that completes the total (and every later one) has the floor.
///
/// Warm-up and total may have different measures (`200 steps` of `20M tokens`); then W is the
/// progress after the first step that completes the warm-up, kept in ``SchedulePosition``.
public struct LearningRateSchedule: Sendable, Hashable, Codable {
  /// How the rate falls between warm-up and total.
  public enum Kind: String, Sendable, Hashable, CaseIterable, Codable {
    /// It stays at the peak and never falls.
    case constant
    /// Along a straight line.
    case linear
    /// Along half a cosine (Loshchilov & Hutter, arXiv 1608.03983, without restarts).
    case cosine
    /// Warm-up, stable, decay: at the peak until ``LearningRateSchedule/decay`` before the total
    /// (Hu et al., arXiv 2404.06395).
    case wsd
  }

  /// How the rate falls in the decay of ``Kind/wsd``; x runs from 0 to 1.
  public enum DecayShape: String, Sendable, Hashable, CaseIterable, Codable {
    /// 1 − x.
    case linear
    /// (1 + cos πx) / 2.
    case cosine
    /// 1 − √x (Hägele et al., arXiv 2405.18392).
    case squareRoot
  }

  /// The length of the decay of ``Kind/wsd``.
  public enum DecayLength: Sendable, Hashable {
    /// A share of the total, in 0 … 1.
    case share(Double)
    /// A length in the measure of the total.
    case duration(TrainingDuration)
  }

  /// How the rate falls.
  public var kind: Kind
  /// The highest rate.
  public var peak: Double
  /// How long the rate rises from zero; steps, tokens or floating-point operations.
  public var warmup: TrainingDuration
  /// Where the rate reaches the floor; steps, tokens or floating-point operations.
  ///
  /// Only ``Kind/constant`` may leave it out.
  public var total: TrainingDuration?
  /// The last rate, as a fraction of the peak.
  public var floor: Double
  /// The length of the decay; for ``Kind/wsd`` only.
  public var decay: DecayLength
  /// The shape of the decay; for ``Kind/wsd`` only.
  public var decayShape: DecayShape

  /// Makes a schedule; ``validate(_:)`` checks it.
  public init(
    kind: Kind = .cosine, peak: Double, warmup: TrainingDuration = .steps(0),
    total: TrainingDuration?, floor: Double = 0.1, decay: DecayLength = .share(0.2),
    decayShape: DecayShape = .squareRoot
  ) {
    self.kind = kind
    self.peak = peak
    self.warmup = warmup
    self.total = total
    self.floor = floor
    self.decay = decay
    self.decayShape = decayShape
  }

  /// The rate of the step after which the run has come to `progress`.
  ///
  /// - Parameters:
  ///   - progress: the run's progress after the step.
  ///   - position: where on the schedule the run stands; by default the run and the schedule began
  ///     together.
  public func rate(
    at progress: TrainingProgress, position: SchedulePosition = SchedulePosition()
  ) -> Double {
    let scheduled = progress + position.offset
    return position.rewarmupFactor(at: progress)
      * peak * (warmupShare(at: scheduled) ?? shape(at: scheduled, position: position))
  }

  /// The share of the peak while the rate rises; nil once the warm-up is over.
  private func warmupShare(at progress: TrainingProgress) -> Double? {
    let done = progress.amount(warmup.measure)
    return done < warmup.amount ? max(0, done) / warmup.amount : nil
  }

  /// The share of the peak after the warm-up.
  private func shape(at progress: TrainingProgress, position: SchedulePosition) -> Double {
    guard kind != .constant, let total else { return 1 }
    let done = progress.amount(total.measure)
    guard done < total.amount else { return floor }
    let start = decayStart(total: total, at: progress, position: position)
    guard done > start else { return 1 }
    return floor + (1 - floor) * fall((done - start) / (total.amount - start))
  }

  /// Where the rate begins to fall, in the measure of the total.
  private func decayStart(
    total: TrainingDuration, at progress: TrainingProgress, position: SchedulePosition
  ) -> Double {
    let warmupEnd =
      warmup.measure == total.measure || warmup.amount == 0
      ? warmup.amount : (position.warmupEnd ?? progress).amount(total.measure)
    guard kind == .wsd else { return warmupEnd }
    return switch decay {
    case .share(let share): max(warmupEnd, total.amount * (1 - share))
    case .duration(let duration): max(warmupEnd, total.amount - duration.amount)
    }
  }

  private func fall(_ x: Double) -> Double {
    switch kind == .wsd ? decayShape : kind == .linear ? .linear : .cosine {
    case .linear: 1 - x
    case .cosine: 0.5 * (1 + cos(Double.pi * x))
    case .squareRoot: 1 - x.squareRoot()
    }
  }

  /// Checks the numbers and that they fit each other.
  ///
  /// - Parameter key: the key of the schedule in error messages.
  /// - Throws: ``TrainingError`` that names the first key that does not fit.
  public func validate(_ key: String = "schedule") throws {
    try TrainingError.check(
      peak > 0 && peak <= AdamWConfiguration.largestNumber, "\(key).peak",
      "\(peak) is not a positive rate that float32 holds")
    try TrainingError.check(
      (0...1).contains(floor), "\(key).floor", "\(floor) is not a fraction of the peak, 0 … 1")
    try warmup.validate("\(key).warmup", allowsZero: true)
    try checkMeasure(warmup, "\(key).warmup")
    guard let total else {
      return try TrainingError.check(
        kind == .constant, "\(key).total", "a \(kind.rawValue) schedule needs its total length")
    }
    try total.validate("\(key).total")
    try checkMeasure(total, "\(key).total")
    try TrainingError.check(
      warmup.measure != total.measure || warmup.amount <= total.amount, "\(key).warmup",
      "\(warmup) is longer than the total of \(total)")
    try validateDecay(total: total, "\(key).decay")
  }

  private func validateDecay(total: TrainingDuration, _ key: String) throws {
    switch decay {
    case .share(let share):
      try TrainingError.check(
        (0...1).contains(share), key, "\(share) is not a share of the total, 0 … 1")
    case .duration(let duration):
      try duration.validate(key, allowsZero: true)
      try TrainingError.check(
        duration.measure == total.measure && duration.amount <= total.amount, key,
        "\(duration) is not a part of the total of \(total)")
    }
  }

  private func checkMeasure(_ duration: TrainingDuration, _ key: String) throws {
    try TrainingError.check(
      duration.measure != .seconds, key,
      "\(duration) is wall time, which no two runs share; give steps, tokens or FLOPs")
  }
}

extension LearningRateSchedule.DecayLength: Codable {
  /// Reads a number as a share and text as a duration.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let share = try? container.decode(Double.self) {
      self = .share(share)
    } else {
      self = .duration(try container.decode(TrainingDuration.self))
    }
  }

  /// Writes a share as a number and a duration as text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .share(let share): try container.encode(share)
    case .duration(let duration): try container.encode(duration)
    }
  }
}
