// SPDX-License-Identifier: Apache-2.0
import Wording

/// What went wrong with a curve, a fit or a search.
///
/// Its subject is the file with its line, the curve or the option concerned.
public typealias PlanningError = ModuleError<PlanningErrorCode>

/// The kinds of ``PlanningError``.
public enum PlanningErrorCode: String, Sendable {
  /// A curve's file cannot be read.
  case fileUnavailable
  /// A curve's file is there but is no curve.
  case malformedCurve
  /// The curves do not tell what was asked of them.
  case insufficientData
  /// A number that no plan can be made for.
  case invalidValue
  /// No schedule meets the goal.
  case unreachableGoal
  /// A detector's saved state, or a plan, that cannot be read.
  case invalidState
}

extension PlanningError {
  /// A law that says nothing of what was asked, since its measurements do not determine it.
  static func undetermined(_ exponents: [String]) -> PlanningError {
    PlanningError(
      .insufficientData,
      "the curves do not determine \(exponents.joined(separator: " and ")), so the law says nothing "
        + "beyond them; fit longer curves, or more model sizes (`espalier plan pilot` trains some)",
      subject: "fit")
  }

  /// No step that fits a machine has more tokens than can be counted one by one.
  static let tokensPerStep = Double.leastNonzeroMagnitude...0x1p53

  /// A number as people write it: whole ones without a fraction.
  static func text(_ number: Double) -> String {
    Int(exactly: number).map { abs($0) < 1_000_000_000_000_000 ? String($0) : "\(number)" }
      ?? "\(number)"
  }

  /// Throws an `invalidValue` error unless a condition holds.
  static func checkValue(
    _ condition: Bool, _ subject: String, _ message: () -> String
  ) throws {
    try check(condition, .invalidValue, subject: subject, message())
  }
}
