// SPDX-License-Identifier: Apache-2.0

/// A Unicode normalization form, applied as the reference applies it.
///
/// The reference (`tokenizers`) normalizes by Unicode 9: scalars assigned later stay as they are
/// and nothing composes or reorders across them. Forms of older scalars never change.
package enum UnicodeForm: String, Sendable, CaseIterable {
  case nfc = "NFC"
  case nfd = "NFD"
  case nfkc = "NFKC"
  case nfkd = "NFKD"

  /// The version whose scalars are normalized.
  package static let version: Unicode.Version = (9, 0)

  private var composes: Bool { self == .nfc || self == .nfkc }

  private var decomposition: UnicodeDecomposition {
    self == .nfc || self == .nfd ? .canonical : .compatibility
  }

  /// The text in this form.
  package func normalized(_ text: [UInt8]) -> [UInt8] {
    text.withUnsafeBufferPointer { apply(to: $0) } ?? text
  }

  /// The text in this form; nil where it is so already.
  ///
  /// Stretches of simple scalars, which nothing composes with or changes, are copied as they are.
  func apply(to text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    guard let base = text.baseAddress, let first = suspect(base, 0, text.count) else { return nil }
    var result = [UInt8](text[..<first.start])
    result.reserveCapacity(text.count + 16)
    var start = first.start
    var index = first.suspect
    var buffer = Segment()
    while true {
      // A segment ends before the second of two simple scalars in a row.
      var isAfterSimple = false
      var end = start
      while end < text.count {
        let (value, length) = UTF8Text.scalar(base, end)
        let simple = isSimple(value)
        if simple && isAfterSimple && end > index { break }
        isAfterSimple = simple
        buffer.append(value, decomposition)
        end += length
      }
      buffer.flush(into: &result, composes: composes)
      guard let next = suspect(base, end, text.count) else {
        result.append(contentsOf: text[end...])
        return result
      }
      result.append(contentsOf: text[end..<next.start])
      (start, index) = (next.start, next.suspect)
    }
  }

  /// The next scalar that is not simple and the one before it, with which it might compose.
  private func suspect(
    _ base: UnsafePointer<UInt8>, _ from: Int, _ count: Int
  ) -> (start: Int, suspect: Int)? {
    var index = from
    var previous = from
    while index < count {
      let (value, length) = UTF8Text.scalar(base, index)
      guard isSimple(value) else { return (previous, index) }
      previous = index
      index += length
    }
    return nil
  }

  /// Whether a scalar is its own form and never composes with one before it.
  ///
  /// Below U+0300 all is in form C, below U+0080 in every form; a few scripts are here so that
  /// plain text is quick.
  @inline(__always)
  private func isSimple(_ value: UInt32) -> Bool {
    guard self == .nfc else { return value < 0x80 }
    return value < 0x300 || (0x400..<0x483).contains(value) || (0x2010..<0x2030).contains(value)
      || (0x4E00..<0x9FD6).contains(value) || (0x3041..<0x3099).contains(value)
  }
}

/// A stretch of text, decomposed, that waits to be put in order and composed.
private struct Segment {
  private var scalars: [UInt32] = []
  private var classes: [UInt8] = []

  mutating func append(_ value: UInt32, _ decomposition: UnicodeDecomposition) {
    if value < 0x80 { return appendStarter(value) }
    decomposition.forEachPart(of: value) {
      scalars.append($0)
      classes.append(UnicodeDecomposition.combiningClass($0))
    }
  }

  private mutating func appendStarter(_ value: UInt32) {
    scalars.append(value)
    classes.append(0)
  }

  mutating func flush(into result: inout [UInt8], composes: Bool) {
    reorder()
    if composes { compose() }
    for value in scalars {
      guard let scalar = Unicode.Scalar(value) else { continue }
      result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
    scalars.removeAll(keepingCapacity: true)
    classes.removeAll(keepingCapacity: true)
  }

  /// Sorts each run of combining marks by class, stably (Unicode, section 3.11, D109).
  private mutating func reorder() {
    var start = 0
    while start < scalars.count {
      guard classes[start] != 0 else {
        start += 1
        continue
      }
      var end = start
      var isSorted = true
      while end < scalars.count, classes[end] != 0 {
        if end > start && classes[end] < classes[end - 1] { isSorted = false }
        end += 1
      }
      if !isSorted {
        let order = (start..<end).sorted { (classes[$0], $0) < (classes[$1], $1) }
        let sorted = order.map { (scalars[$0], classes[$0]) }
        for (offset, pair) in sorted.enumerated() {
          (scalars[start + offset], classes[start + offset]) = pair
        }
      }
      start = end
    }
  }

  /// Composes each scalar with the starter before it where nothing blocks it (D115 to D117).
  private mutating func compose() {
    var starter: Int?
    var count = 0
    for index in scalars.indices {
      let (value, combiningClass) = (scalars[index], classes[index])
      if let place = starter {
        let isAdjacent = place == count - 1
        let isBlocked = !isAdjacent && classes[count - 1] >= combiningClass
        if !isBlocked, let composite = UnicodeComposition.composite(scalars[place], value) {
          scalars[place] = composite
          continue
        }
      }
      if combiningClass == 0 { starter = count }
      (scalars[count], classes[count]) = (value, combiningClass)
      count += 1
    }
    scalars.removeSubrange(count...)
    classes.removeSubrange(count...)
  }
}
