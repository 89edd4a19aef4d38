// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation

/// How the numbers of an axis are written.
public enum NumberStyle: String, Sendable, Hashable, CaseIterable {
  /// `3.25`, `0.001`: as short as it is exact.
  case plain
  /// `10¹²`, `2×10¹²`: powers of ten.
  case power
  /// `20k`, `1.5M`: thousands and millions.
  case count
  /// Seconds: `12`, `12m 04s` under the pointer.
  case seconds
  /// `25 %` for 0.25.
  case percent

  /// The label of a tick.
  ///
  /// - Parameters:
  ///   - value: where it stands.
  ///   - step: the distance to its neighbours, which says how many decimals are needed; nil for as
  ///     many as the value has.
  public func label(_ value: Double, step: Double? = nil) -> String {
    // A zero that is not quite one is a rounding error of its index times the step.
    let value = step.map { abs(value) < $0 * 1e-6 ? 0 : value } ?? value
    switch self {
    case .power: return Self.power(value, step: step)
    case .count, .seconds: return Self.count(value, step: step)
    case .percent: return Self.decimal(value * 100, step: step.map { $0 * 100 }) + " %"
    case .plain:
      return abs(value) >= 1e6 || (value != 0 && abs(value) < 1e-5)
        ? Self.power(value, step: step) : Self.decimal(value, step: step)
    }
  }

  /// A number for other programs, in six digits.
  static func sixDigits(_ value: Double) -> String { String(format: "%.6g", value) }

  private static func decimal(_ value: Double, step: Double?) -> String {
    guard abs(value) < 1e15 else { return power(value, step: nil) }
    guard let step, step > 0 else { return minus(shortest(value)) }
    let decimals = max(0, min(12, Int(bounding: (-log10(step) - 1e-9).rounded(.up))))
    return minus(String(format: "%.\(decimals)f", value))
  }

  /// The digits of a value, rounded to six of them.
  private static func shortest(_ value: Double) -> String { String(format: "%.6g", value) }

  private static func count(_ value: Double, step: Double?) -> String {
    for (factor, suffix) in [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")]
    where abs(value) >= factor * (1 - 1e-9) {
      guard abs(value) < 1e15 else { break }
      return decimal(value / factor, step: step.map { $0 / factor }) + suffix
    }
    return abs(value) >= 1e15 ? power(value, step: step) : decimal(value, step: step)
  }

  private static func power(_ value: Double, step: Double?) -> String {
    guard value != 0, value.isFinite else { return "0" }
    let exponent = Int(bounding: (log10(abs(value)) + 1e-9).rounded(.down))
    guard !(-2...3).contains(exponent) else { return decimal(value, step: step) }
    let factor = scaled(value, exponent)
    let scaledStep = step.map { scaled($0, exponent) }
    let power = "10" + superscript(exponent)
    return abs(factor - 1) < 1e-6 ? power : "\(decimal(factor, step: scaledStep))×\(power)"
  }

  /// The value over a power of ten, which itself may be too small for a number.
  private static func scaled(_ value: Double, _ exponent: Int) -> Double {
    guard exponent < -300 else { return value / pow(10, Double(exponent)) }
    return value * 1e300 / pow(10, Double(exponent + 300))
  }

  /// A hyphen is shorter than a minus sign and reads as a dash.
  private static func minus(_ text: String) -> String {
    text.hasPrefix("-") ? "−" + text.dropFirst() : text
  }

  static func superscript(_ value: Int) -> String {
    let digits: [Character: Character] = [
      "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸",
      "9": "⁹", "-": "⁻",
    ]
    return String(String(value).compactMap { digits[$0] })
  }
}
