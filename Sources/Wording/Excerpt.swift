// SPDX-License-Identifier: Apache-2.0

extension String {
  /// The most characters of a text from outside that a message quotes.
  package static let longestExcerpt = 120

  /// The text as a message may quote it: on one line, without control characters, and cut where it
  /// is long.
  ///
  /// Costs as much as what is kept, however long the text is.
  package var excerpt: String {
    var result = ""
    for scalar in unicodeScalars.prefix(Self.longestExcerpt) { result += scalar.visible }
    guard unicodeScalars.dropFirst(Self.longestExcerpt).first != nil else { return result }
    return "\(result)… (\(utf8.count) bytes)"
  }
}

extension Unicode.Scalar {
  /// The scalar itself, or its escape where it would move the cursor or turn the text around.
  fileprivate var visible: String {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
      switch self {
      case "\n": "\\n"
      case "\r": "\\r"
      case "\t": "\\t"
      default: "\\u{\(String(value, radix: 16))}"
      }
    default: String(self)
    }
  }
}
