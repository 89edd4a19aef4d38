// SPDX-License-Identifier: Apache-2.0

/// A length of training, in the measure that the user chose.
///
/// Written as text and in files as `200 steps`, `20M tokens`, `1.5e15 FLOPs`, `90 minutes`.
public enum TrainingDuration: Sendable, Hashable {
  /// Optimizer steps.
  case steps(Int)
  /// Input tokens.
  case tokens(Int)
  /// Floating-point operations of training steps.
  case floatingPointOperations(Double)
  /// Seconds of wall time.
  case seconds(Double)

  /// What a duration counts.
  public enum Measure: String, Sendable, Hashable, CaseIterable, Codable {
    case steps, tokens, floatingPointOperations, seconds
  }

  /// What this duration counts.
  public var measure: Measure {
    switch self {
    case .steps: .steps
    case .tokens: .tokens
    case .floatingPointOperations: .floatingPointOperations
    case .seconds: .seconds
    }
  }

  /// How much of it, in units of ``measure``.
  public var amount: Double {
    switch self {
    case .steps(let count), .tokens(let count): Double(count)
    case .floatingPointOperations(let amount), .seconds(let amount): amount
    }
  }

  /// Whether a run that came this far has trained for at least this long.
  public func isReached(by progress: TrainingProgress) -> Bool {
    progress.amount(measure) >= amount
  }

  /// Whether a multiple of this duration lies in the half-open interval (`start`, `end`]; false
  /// for a duration of zero.
  ///
  /// So "every 100 steps" is due after steps 100, 200, …, and "every 1M tokens" after the step
  /// that reaches each million.
  public func isCrossed(from start: TrainingProgress, to end: TrainingProgress) -> Bool {
    guard amount > 0 else { return false }
    let before = (start.amount(measure) / amount).rounded(.down)
    return (end.amount(measure) / amount).rounded(.down) > before
  }

  /// Checks that the duration is a finite amount, not below zero.
  ///
  /// - Throws: ``TrainingError`` of code `invalidConfiguration` that names `subject`.
  public func validate(_ subject: String, allowsZero: Bool = false) throws {
    try TrainingError.check(
      amount.isFinite && (amount > 0 || allowsZero && amount == 0), subject,
      "\(self) is not a \(allowsZero ? "duration of zero or more" : "positive duration")")
  }
}
