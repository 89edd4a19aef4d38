// SPDX-License-Identifier: Apache-2.0

/// What the pre-tokenizers and added tokens ask about a Unicode scalar.
package struct UnicodeClasses: OptionSet, Sendable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// `\p{L}` of the split patterns.
  package static let letter = UnicodeClasses(rawValue: 1)
  /// `\p{N}` of the split patterns.
  package static let number = UnicodeClasses(rawValue: 2)
  /// White space: `\s`.
  package static let whitespace = UnicodeClasses(rawValue: 4)
  /// `\w`, which decides where a whole word begins and ends.
  package static let word = UnicodeClasses(rawValue: 8)
  /// What the pre-tokenizer `Digits` splits off: general categories Nd, Nl and No.
  package static let numeric = UnicodeClasses(rawValue: 16)
  /// Carriage return and line feed.
  package static let newline = UnicodeClasses(rawValue: 32)
  /// `\p{M}` of the split patterns.
  package static let mark = UnicodeClasses(rawValue: 64)
}

/// The classes of every scalar, one byte each, in pages of 256 of which empty ones are shared.
///
/// The reference (`tokenizers` 0.23) reads `\p{L}`, `\p{M}`, `\p{N}`, `\s` and `\w` from Unicode 16
/// and its digits from Unicode 17; scalars of later versions count as unassigned so that both agree.
package final class UnicodeClassTable: @unchecked Sendable {
  /// The version whose letters, numbers and words are known.
  package static let patternVersion: Unicode.Version = (16, 0)
  /// The version whose digits are known.
  package static let digitVersion: Unicode.Version = (17, 0)
  /// The only table, made at first use.
  package static let shared = UnicodeClassTable()

  private static let pageCount = 0x1100
  /// For each page of 256 scalars, where its bytes begin in `classes`.
  let pages: UnsafeMutablePointer<UInt32>
  let classes: UnsafeMutablePointer<UInt8>

  private init() {
    // Planes 4 to 13 hold nothing, 15 and 16 only private use: no class at all.
    var bytes = [UInt8](repeating: 0, count: 256)
    pages = .allocate(capacity: Self.pageCount)
    pages.initialize(repeating: 0, count: Self.pageCount)
    for page in 0..<Self.pageCount where page < 0x400 || page >> 8 == 14 {
      let content = (0..<256).map { Self.classes(ofScalar: UInt32(page << 8 | $0)).rawValue }
      guard content.contains(where: { $0 != 0 }) else { continue }
      pages[page] = UInt32(bytes.count)
      bytes += content
    }
    classes = .allocate(capacity: bytes.count)
    classes.initialize(from: bytes, count: bytes.count)
  }

  deinit {
    pages.deallocate()
    classes.deallocate()
  }

  /// The classes of a scalar below 0x110000.
  @inline(__always)
  package func callAsFunction(_ scalar: UInt32) -> UnicodeClasses {
    UnicodeClasses(rawValue: classes[Int(pages[Int(scalar >> 8)]) + Int(scalar & 255)])
  }

  private static func classes(ofScalar value: UInt32) -> UnicodeClasses {
    guard let scalar = Unicode.Scalar(value), let age = scalar.properties.age else { return [] }
    var result: UnicodeClasses = []
    let isNumeric = numericCategories.contains(scalar.properties.generalCategory)
    if isNumeric && age <= digitVersion { result.insert(.numeric) }
    guard age <= patternVersion else { return result }
    if isNumeric { result.insert(.number) }
    if letterCategories.contains(scalar.properties.generalCategory) { result.insert(.letter) }
    if markCategories.contains(scalar.properties.generalCategory) { result.insert(.mark) }
    if scalar.properties.isWhitespace { result.insert(.whitespace) }
    if isWord(scalar) { result.insert(.word) }
    if value == 10 || value == 13 { result.insert(.newline) }
    return result
  }

  private static let numericCategories: Set<Unicode.GeneralCategory> = [
    .decimalNumber, .letterNumber, .otherNumber,
  ]
  private static let letterCategories: Set<Unicode.GeneralCategory> = [
    .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
  ]
  private static let markCategories: Set<Unicode.GeneralCategory> = [
    .nonspacingMark, .spacingMark, .enclosingMark,
  ]
  private static let wordCategories: Set<Unicode.GeneralCategory> =
    markCategories.union([.decimalNumber, .connectorPunctuation])

  /// `\w` as Unicode Technical Standard 18, annex C, defines it.
  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isAlphabetic || scalar.properties.isJoinControl
      || wordCategories.contains(scalar.properties.generalCategory)
  }
}
