// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation

/// Numbers as people read them.
package enum Readable {
  /// `950`, `45.2k`, `20.0M`, `1.30B`: three digits and a suffix; `1.00e+300` beyond these.
  package static func count(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    guard abs(value) < 9.995e14 else { return String(format: "%.2e", value) }
    for (factor, suffix) in [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")]
    where abs(value) >= factor * 0.9995 {
      return threeDigits(value / factor) + suffix
    }
    return value == value.rounded() ? String(Int(bounding: value)) : threeDigits(value)
  }

  /// `209 k`, `48.2 G`, `1.30 P`: three digits and the prefix of a unit that follows.
  package static func scaled(_ value: Double) -> String {
    guard value.isFinite else { return "– " }
    guard abs(value) < 9.995e20 else { return String(format: "%.2e ", value) }
    for (factor, prefix) in [
      (1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"),
    ]
    where abs(value) >= factor * 0.9995 {
      return "\(threeDigits(value / factor)) \(prefix)"
    }
    return "\(threeDigits(value)) "
  }

  /// As ``count(_:)``.
  package static func count(_ value: Int) -> String { count(Double(value)) }

  /// `12,345,678`, for exact counts.
  package static func exact(_ value: Int) -> String {
    var digits = Array(String(value.magnitude))
    var index = digits.count - 3
    while index > 0 {
      digits.insert(",", at: index)
      index -= 3
    }
    return (value < 0 ? "-" : "") + String(digits)
  }

  /// `1 document`, `12,345 documents`.
  package static func exact(_ value: Int, of noun: String) -> String {
    "\(exact(value)) \(noun)\(value == 1 ? "" : "s")"
  }

  /// `512 B`, `1.05 MB`, in powers of 1000.
  package static func bytes(_ value: Int) -> String {
    for (factor, unit) in [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")]
    where Double(value) >= factor {
      return "\(threeDigits(Double(value) / factor)) \(unit)"
    }
    return "\(value) B"
  }

  /// `45s`, `12m 04s`, `3h 20m`, `2d 04h`.
  package static func time(_ seconds: Double) -> String {
    guard abs(seconds) < 1e12 else { return "–" }
    let total = Int(bounding: seconds.rounded())
    switch total {
    case ..<60: return "\(total)s"
    case ..<3600: return "\(total / 60)m \(twoDigits(total % 60))s"
    case ..<86400: return "\(total / 3600)h \(twoDigits(total % 3600 / 60))m"
    default: return "\(total / 86400)d \(twoDigits(total % 86400 / 3600))h"
    }
  }

  /// `61%`.
  package static func percent(_ share: Double) -> String {
    guard abs(share) < 1e12 else { return "–" }
    return "\(Int(bounding: (share * 100).rounded()))%"
  }

  /// `21.6 %`.
  package static func exactPercent(_ share: Double) -> String {
    guard share.isFinite else { return "–" }
    return String(format: abs(share) < 1e5 ? "%.1f %%" : "%.2e %%", 100 * share)
  }

  /// A loss with four decimals, or where these would be too many or none, in powers of ten.
  package static func loss(_ value: Double) -> String {
    guard value.isFinite else { return "not finite" }
    let isPlain = value == 0 || (5e-5..<1e6).contains(abs(value))
    return String(format: isPlain ? "%.4f" : "%.3e", value)
  }

  /// `5.123456`: a number with so many decimals.
  package static func fixed(_ value: Double, decimals: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "not a number" : "infinite" }
    return String(format: "%.\(decimals)f", value)
  }

  private static func threeDigits(_ value: Double) -> String {
    let magnitude = abs(value)
    if magnitude > 0, magnitude < 0.005 { return String(format: "%.2e", value) }
    return String(format: magnitude < 9.995 ? "%.2f" : magnitude < 99.95 ? "%.1f" : "%.0f", value)
  }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
