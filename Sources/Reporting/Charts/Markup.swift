// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation

/// Builds HTML and SVG in which every text and attribute is escaped.
struct Markup: CustomStringConvertible {
  /// The text so far.
  private(set) var description = ""

  /// Adds an element with content of its own.
  mutating func element(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:],
    _ content: (inout Markup) throws -> Void
  ) rethrows {
    open(name, attributes)
    try content(&self)
    description += "</\(name)>"
  }

  /// Adds an element that holds a text.
  mutating func element(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:], text: String
  ) {
    element(name, attributes) { $0.text(text) }
  }

  /// Adds an SVG element without content.
  mutating func empty(
    _ name: String, _ attributes: KeyValuePairs<String, String>,
    _ more: KeyValuePairs<String, String> = [:]
  ) {
    open(name, attributes)
    description.removeLast()
    for (key, value) in more { description += " \(key)=\"\(Self.escaped(value))\"" }
    description += "/>"
  }

  /// Adds a text.
  mutating func text(_ text: String) { description += Self.escaped(text) }

  /// Adds markup as it is: a style, a script, or what another builder made.
  mutating func raw(_ markup: String) { description += markup }

  private mutating func open(_ name: String, _ attributes: KeyValuePairs<String, String>) {
    description += "<\(name)"
    for (key, value) in attributes { description += " \(key)=\"\(Self.escaped(value))\"" }
    description += ">"
  }

  /// A text in which nothing is markup and nothing is illegal in XML.
  static func escaped(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in shown(text).unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// A text without control characters, and without the marks that turn the direction of text
  /// around and could hide what it says.
  static func shown(_ text: String) -> String {
    let hidden = text.unicodeScalars.contains(where: isHidden)
    guard hidden else { return text }
    return String(
      String.UnicodeScalarView(text.unicodeScalars.map { isHidden($0) ? "\u{FFFD}" : $0 }))
  }

  private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "\n", "\t": false
    case "\u{FFFE}", "\u{FFFF}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}": true
    default: scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
    }
  }

  /// A coordinate, to a tenth of a pixel.
  static func pixels(_ value: Double) -> String {
    guard value.isFinite else { return "0" }
    let rounded = (max(-1e5, min(1e5, value)) * 10).rounded() / 10
    return rounded == rounded.rounded()
      ? String(Int(bounding: rounded)) : String(format: "%.1f", rounded)
  }
}
