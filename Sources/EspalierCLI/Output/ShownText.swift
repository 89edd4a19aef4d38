// SPDX-License-Identifier: Apache-2.0
import Wording

/// Texts as they may reach a terminal: names of tensors, folders and keys, and what models write, may
/// hold codes that move the cursor, hide lines or change the terminal's title.
package enum ShownText {
  /// Which control characters are part of a text rather than of something named in it.
  package enum Kind: Sendable {
    /// None: a line feed in a name would begin a line of its own.
    case line
    /// Line feeds before an indented line, as in a list of mistakes.
    case message
    /// Line feeds and tabs, and the marks that turn the direction of text around.
    case prose
    /// Line feeds, which stand in JSON only between its values.
    case json
  }

  /// The text with every other control character spelled out, as `\u001b`.
  package static func escaped(_ text: String, as kind: Kind) -> String {
    let scalars = Array(text.unicodeScalars)
    guard scalars.contains(where: isControl) else { return text }
    var shown = String.UnicodeScalarView()
    for (index, scalar) in scalars.enumerated() {
      let next = index + 1 < scalars.count ? scalars[index + 1] : nil
      if isControl(scalar), !isKept(scalar, before: next, kind) {
        shown.append(contentsOf: spelling(scalar).unicodeScalars)
      } else {
        shown.append(scalar)
      }
    }
    return String(shown)
  }

  /// A command's arguments as they stand in a message that may echo them, spelled out.
  package static func escaped(arguments: [String], in message: String) -> String {
    // The longest first, since one may be a part of another.
    let parts = arguments.flatMap { [$0] + $0.split(separator: "=", maxSplits: 1).map(String.init) }
      .filter { $0.unicodeScalars.contains(where: isControl) }
      .sorted { $0.utf8.count > $1.utf8.count }
    return parts.reduce(message) { $0.replacing($1, with: escaped($1, as: .line)) }
  }

  /// C0, DEL, C1, the separators of lines, and the marks that turn the direction of text around and could
  /// hide what it says.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: true
    default: isDirection(scalar)
    }
  }

  private static func isDirection(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  private static func isKept(
    _ scalar: Unicode.Scalar, before next: Unicode.Scalar?, _ kind: Kind
  ) -> Bool {
    switch kind {
    case .line: false
    case .message: scalar == "\n" && (next == " " || next == nil)
    case .json: scalar == "\n"
    case .prose: scalar == "\n" || scalar == "\t" || isDirection(scalar)
    }
  }

  /// As JSON spells it, so that a program's output says the same.
  private static func spelling(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    default: return "\\u" + Hexadecimal.text(scalar.value, digits: 4)
    }
  }
}
