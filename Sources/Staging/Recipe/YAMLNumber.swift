// SPDX-License-Identifier: Apache-2.0

/// Numbers as YAML writes them: decimal, `0x10`, `0o17`, with `_` between digits.
enum YAMLNumber {
  /// The integer that a text says; nil where it says none.
  static func integer<Number: FixedWidthInteger>(_ text: String, as type: Number.Type) -> Number? {
    guard let digits = withoutSeparators(text) else { return nil }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] where digits.lowercased().hasPrefix(prefix) {
      let rest = digits.dropFirst(prefix.count)
      return rest.first?.isHexDigit ?? false ? Number(rest, radix: radix) : nil
    }
    return Number(digits)
  }

  /// The finite number that a text says; nil where it says none.
  static func real(_ text: String) -> Double? {
    guard let digits = withoutSeparators(text), digits.contains(where: \.isNumber) else {
      return nil
    }
    // Swift reads C's hexadecimal fractions too, which nobody means.
    if digits.lowercased().hasPrefix("0x") || digits.lowercased().hasPrefix("0o") {
      return integer(text, as: Int.self).map(Double.init)
    }
    guard !digits.contains(where: { $0 == "x" || $0 == "X" }), let value = Double(digits) else {
      return nil
    }
    return value.isFinite ? value : nil
  }

  /// The text without `_`, each of which must stand between two digits.
  private static func withoutSeparators(_ text: String) -> String? {
    guard text.contains("_") else { return text }
    let parts = text.split(separator: "_", omittingEmptySubsequences: false)
    let isSound = zip(parts, parts.dropFirst()).allSatisfy { left, right in
      left.last?.isHexDigit ?? false && right.first?.isHexDigit ?? false
    }
    return isSound ? parts.joined() : nil
  }
}
