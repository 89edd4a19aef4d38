// SPDX-License-Identifier: Apache-2.0

/// A token that is found in the text as it is written, before words are split and merged.
public struct AddedToken: Sendable, Hashable {
  /// The token's id.
  public var id: Int32
  /// The text that it is found by.
  public var content: String
  /// Whether it marks structure (end of text, roles) rather than text.
  public var isSpecial: Bool
  /// Whether it counts only where neither neighbour is a letter, digit or underscore.
  public var matchesWholeWord: Bool
  /// Whether it swallows the white space before it.
  public var stripsLeft: Bool
  /// Whether it swallows the white space after it.
  public var stripsRight: Bool
  /// Whether it is searched in the normalized text, itself normalized.
  public var matchesNormalized: Bool

  /// Makes a token; by default a special one that takes nothing with it.
  public init(
    id: Int32, content: String, isSpecial: Bool = true, matchesWholeWord: Bool = false,
    stripsLeft: Bool = false, stripsRight: Bool = false, matchesNormalized: Bool = false
  ) {
    self.id = id
    self.content = content
    self.isSpecial = isSpecial
    self.matchesWholeWord = matchesWholeWord
    self.stripsLeft = stripsLeft
    self.stripsRight = stripsRight
    self.matchesNormalized = matchesNormalized
  }
}
