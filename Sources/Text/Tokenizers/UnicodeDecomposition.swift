// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Full decompositions of single scalars, gathered once from Foundation.
///
/// Foundation decomposes single scalars rightly on every platform; whole texts it does not always
/// compose (a Hangul syllable with a final consonant after it stays apart on Linux).
final class UnicodeDecomposition: Sendable {
  static let canonical = UnicodeDecomposition { $0.decomposedStringWithCanonicalMapping }
  static let compatibility = UnicodeDecomposition { $0.decomposedStringWithCompatibilityMapping }

  /// Decompositions of the scalars that have one, but for Hangul syllables.
  let parts: [UInt32: [UInt32]]

  private init(_ decompose: (String) -> String) {
    var parts: [UInt32: [UInt32]] = [:]
    for range in Self.candidates {
      for value in range {
        guard let scalar = Unicode.Scalar(value), Self.isKnown(scalar) else { continue }
        let found = decompose(String(scalar)).unicodeScalars.map(\.value)
        if found != [value] { parts[value] = found }
      }
    }
    self.parts = parts
  }

  /// Scalars outside the ideographs, syllables and planes that have no decomposition.
  private static let candidates: [Range<UInt32>] = [
    0x80..<0x3400, 0xA000..<0xAC00, 0xF900..<0x17000, 0x1B000..<0x20000, 0x2F800..<0x2FA20,
  ]

  private static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.age.map { $0 <= UnicodeForm.version } ?? false
  }

  /// The combining class of a scalar; 0 for those that the version does not know.
  static func combiningClass(_ value: UInt32) -> UInt8 {
    guard value >= 0x300, let scalar = Unicode.Scalar(value) else { return 0 }
    let combiningClass = scalar.properties.canonicalCombiningClass.rawValue
    return combiningClass != 0 && isKnown(scalar) ? combiningClass : 0
  }

  /// Calls `body` with each scalar of the decomposition.
  @inline(__always)
  func forEachPart(of value: UInt32, _ body: (UInt32) -> Void) {
    if Hangul.syllables.contains(value) { return Hangul.decompose(value, body) }
    guard let parts = parts[value] else { return body(value) }
    parts.forEach(body)
  }
}

/// Pairs of scalars that compose to one.
enum UnicodeComposition {
  /// The composite of two scalars; nil where they stay apart.
  static func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
    Hangul.composite(first, second) ?? pairs[UInt64(first) << 32 | UInt64(second)]
  }

  /// A composite's canonical decomposition begins with what its first scalars compose to.
  private static let pairs: [UInt64: UInt32] = {
    let decompositions = UnicodeDecomposition.canonical.parts
    var composites: [[UInt32]: UInt32] = [:]
    for (value, parts) in decompositions where parts.count > 1 && isPrimary(value) {
      composites[parts] = value
    }
    var pairs: [UInt64: UInt32] = [:]
    for (parts, value) in composites {
      let head = Array(parts.dropLast())
      let first = head.count == 1 ? head[0] : composites[head]
      if let first, let last = parts.last { pairs[UInt64(first) << 32 | UInt64(last)] = value }
    }
    return pairs
  }()

  /// Whether form C leaves the scalar as it is: those excluded from composition it takes apart.
  private static func isPrimary(_ value: UInt32) -> Bool {
    guard let scalar = Unicode.Scalar(value) else { return false }
    let composed = String(scalar).precomposedStringWithCanonicalMapping.unicodeScalars
    return composed.count == 1 && composed.first == scalar
  }
}

/// Hangul syllables, which compose by arithmetic (Unicode, section 3.12).
enum Hangul {
  static let syllables: Range<UInt32> = 0xAC00..<0xD7A4
  private static let leading: UInt32 = 0x1100
  private static let vowel: UInt32 = 0x1161
  private static let trailing: UInt32 = 0x11A7

  @inline(__always)
  static func decompose(_ syllable: UInt32, _ body: (UInt32) -> Void) {
    let index = syllable - syllables.lowerBound
    body(leading + index / 588)
    body(vowel + index % 588 / 28)
    if index % 28 != 0 { body(trailing + index % 28) }
  }

  static func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if (leading..<leading + 19).contains(first) && (vowel..<vowel + 21).contains(second) {
      return syllables.lowerBound + ((first - leading) * 21 + second - vowel) * 28
    }
    let isOpen = syllables.contains(first) && (first - syllables.lowerBound) % 28 == 0
    guard isOpen, (trailing + 1..<trailing + 28).contains(second) else { return nil }
    return first + second - trailing
  }
}
