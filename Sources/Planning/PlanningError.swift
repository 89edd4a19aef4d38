// SPDX-License-Identifier: Apache-2.0

/// What went wrong with a curve, a fit or a search.
public struct PlanningError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: String, Sendable {
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
  /// The kind of failure.
  public var code: Code
  /// The offending value, what was expected, and the remedy.
  public var message: String
  /// The file with its line, the curve or the option concerned.
  public var subject: String

  /// Makes an error.
  public init(_ code: Code, _ message: String, subject: String) {
    self.code = code
    self.message = message
    self.subject = subject
  }

  /// Subject and message on one line.
  public var description: String { "\(subject): \(message)" }

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

  static func check(
    _ condition: Bool, _ subject: String, _ message: () -> String
  ) throws {
    guard condition else { throw PlanningError(.invalidValue, message(), subject: subject) }
  }
}
