// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// An added token as files spell it: its text alone, or an object whose keys may be left out.
struct AddedTokenForm: Sendable {
  var content: String
  var isSpecial: Bool
  /// Nil where the file does not say: then special tokens are searched as they are written, others
  /// in the normalized text.
  var matchesNormalized: Bool?
  var matchesWholeWord = false
  var stripsLeft = false
  var stripsRight = false
  /// Whether the file spells it as Python's object, which the reference reads only later.
  var isUnread = false

  /// A token that only its text is known of.
  init(_ content: String, isSpecial: Bool) {
    self.content = content
    self.isSpecial = isSpecial
  }

  /// Reads an object; `special` stands for a missing `special`.
  init(
    json: JSONValue, in place: String, special: Bool = false, reader: ComponentReader
  ) throws(TextError) {
    guard case .object = json, let content = json["content"]?.text else {
      throw reader.invalid(
        "\(place).content", json["content"] ?? json, expected: "the token's text")
    }
    self.content = content
    isSpecial = try reader.flag(json, "special", in: place, default: special)
    matchesWholeWord = try reader.flag(json, "single_word", in: place, default: false)
    stripsLeft = try reader.flag(json, "lstrip", in: place, default: false)
    stripsRight = try reader.flag(json, "rstrip", in: place, default: false)
    if let normalized = json["normalized"], normalized != .null {
      matchesNormalized = try reader.flag(json, "normalized", in: place, default: false)
    }
  }

  /// The token, whose id is not known yet.
  func token() -> AddedToken {
    AddedToken(
      id: -1, content: content, isSpecial: isSpecial, matchesWholeWord: matchesWholeWord,
      stripsLeft: stripsLeft, stripsRight: stripsRight,
      matchesNormalized: matchesNormalized ?? !isSpecial)
  }
}

extension AddedToken {
  /// Whether both are found in the same way by the same bytes; the ids do not count.
  func isSameToken(as other: AddedToken) -> Bool {
    content.utf8.elementsEqual(other.content.utf8)
      && (isSpecial, matchesWholeWord, stripsLeft, stripsRight, matchesNormalized)
        == (
          other.isSpecial, other.matchesWholeWord, other.stripsLeft, other.stripsRight,
          other.matchesNormalized
        )
  }
}
