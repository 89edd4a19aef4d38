// SPDX-License-Identifier: Apache-2.0

/// How wide a text is, about, without a font to ask.
///
/// The widths are those of DejaVu Sans, one of the widest fonts that a page may fall back to, so
/// that what fits by this measure fits in all of them.
enum TextMeasure {
  /// Width in pixels.
  static func width(_ text: String, size: Double) -> Double {
    text.reduce(0) { $0 + width($1) } * size
  }

  /// The text, cut with an ellipsis where it is wider than allowed.
  static func fitting(_ text: String, width limit: Double, size: Double) -> String {
    guard width(text, size: size) > limit else { return text }
    var kept = ""
    var used = width("…") * size
    for character in text {
      used += width(character) * size
      guard used <= limit else { break }
      kept.append(character)
    }
    return kept + "…"
  }

  /// Width of a character in units of the font's size.
  private static func width(_ character: Character) -> Double {
    switch character {
    case "i", "j", "l", "I", ".", ",", ":", ";", "'", "|", " ": 0.34
    case "f", "r", "t", "(", ")", "[", "]", "-", "/", "¹": 0.42
    case "m", "M", "W", "w", "%", "@", "…", "→": 1
    case "⁰", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹", "⁻": 0.42
    case _ where character.isASCII: character.isUppercase ? 0.72 : 0.64
    // Scripts of full width, and everything else unknown.
    default: (character.unicodeScalars.first?.value ?? 0) > 0x1100 ? 1.05 : 0.84
    }
  }
}
