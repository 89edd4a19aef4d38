// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation

extension NumberStyle {
  /// A single value as people read it: `1.30×10¹⁴`, `20.0M`, `12m 04s`, `21.6 %`.
  public func text(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    switch self {
    case .seconds: return Self.clock(value)
    case .percent:
      let format = abs(value) < 1e5 ? "%.1f %%" : "%.3g %%"
      return String(format: format, value * 100).replacing("-", with: "−")
    case .power where abs(value) >= 1e4: return Self.scientific(value)
    case .plain where value != 0 && (abs(value) < 1e-4 || abs(value) >= 1e15):
      return Self.scientific(value)
    case .count where abs(value) >= 1e3 && abs(value) < 1e15:
      let magnitude = [1e12, 1e9, 1e6].first { abs(value) >= $0 * 0.9995 } ?? 1e3
      let digits = abs(value) / magnitude < 9.995 ? 2 : abs(value) / magnitude < 99.95 ? 1 : 0
      let rounded = String(format: "%.\(digits)f", value / magnitude)
      return rounded + ([1e12: "T", 1e9: "B", 1e6: "M"][magnitude] ?? "k")
    default:
      return String(format: "%.5g", value).replacing("-", with: "−")
    }
  }

  /// A loss with four decimals, or where these would be too many or none, in powers of ten.
  static func loss(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    let isPlain = value == 0 || (5e-5..<1e6).contains(abs(value))
    return isPlain ? String(format: "%.4f", value) : scientific(value)
  }

  private static func scientific(_ value: Double) -> String {
    let parts = String(format: "%.2e", value).split(separator: "e")
    guard parts.count == 2, let exponent = Int(parts[1]) else { return "\(value)" }
    return "\(parts[0])×10\(superscript(exponent))".replacing("-", with: "−")
  }

  private static func clock(_ seconds: Double) -> String {
    guard abs(seconds) < 1e12 else { return "–" }
    guard seconds >= 59.5 else { return String(format: "%.3gs", seconds) }
    let total = Int(bounding: seconds.rounded())
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    switch total {
    case ..<3600: return "\(total / 60)m \(two(total % 60))s"
    case ..<86400: return "\(total / 3600)h \(two(total % 3600 / 60))m"
    default: return "\(total / 86400)d \(two(total % 86400 / 3600))h"
    }
  }
}
