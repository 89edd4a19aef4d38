// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation

/// On which lines of a text in JSON its values stand, for messages.
///
/// It is made only once something is wrong, from the text up to where that is: what is no JSON ends it.
package struct DocumentLines {
  /// The lines, from 1, by the places that ``DocumentError`` names.
  private var lines: [String: Int] = ["": 1]
  /// The bytes of each value, by their offsets.
  private var extents: [String: Range<Int>] = [:]
  /// The place of the value that was to come next where the text ends.
  package private(set) var last = DocumentPath.root

  private var bytes: ArraySlice<UInt8>
  private var line = 1
  private var depth = 0

  /// Deeper than any document that is read.
  private static let deepest = 256

  /// Looks through a text.
  package init(_ data: some DataProtocol) {
    bytes = TextEncoding.withoutMark([UInt8](data))
    _ = value(at: .root)
  }

  /// The line of a place, or of the nearest one around it that is there.
  package func line(of place: String) -> Int {
    var place = place[...]
    while !place.isEmpty {
      if let line = lines[String(place)] { return line }
      guard let cut = place.lastIndex(where: { $0 == "." || $0 == "[" }) else { break }
      place = place[..<cut]
    }
    return lines[""] ?? 1
  }

  /// The bytes of the value at a place, by their offsets in the text; nil where it is not there whole.
  package func extent(of place: String) -> Range<Int>? { extents[place] }

  private mutating func skip() {
    while let byte = bytes.first, byte == 0x20 || (0x09...0x0D).contains(byte) { _ = take() }
  }

  private mutating func take() -> UInt8? {
    guard let byte = bytes.popFirst() else { return nil }
    if byte == UInt8(ascii: "\n") { line += 1 }
    return byte
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skip()
    guard bytes.first == UInt8(ascii: character) else { return false }
    _ = take()
    return true
  }

  /// Takes a value with all that is in it; whether it is whole.
  private mutating func value(at path: DocumentPath) -> Bool {
    last = path
    depth += 1
    defer { depth -= 1 }
    skip()
    guard depth <= Self.deepest, let first = bytes.first else { return false }
    let place = path.description
    if lines[place] == nil || path == .root { lines[place] = line }
    let start = bytes.startIndex
    guard content(first, at: path) else { return false }
    if extents[place] == nil { extents[place] = start..<bytes.startIndex }
    return true
  }

  private mutating func content(_ first: UInt8, at path: DocumentPath) -> Bool {
    switch first {
    case UInt8(ascii: "{"): return members(of: path)
    case UInt8(ascii: "["): return elements(of: path)
    case UInt8(ascii: "\""): return string() != nil
    default:
      let word = bytes.prefix { $0 > 0x20 && !Self.marks.contains($0) }
      bytes = bytes.dropFirst(word.count)
      return !word.isEmpty
    }
  }

  private static let marks: [UInt8] = Array(",:]}[{\"".utf8)

  private mutating func members(of path: DocumentPath) -> Bool {
    _ = take("{")
    guard !take("}") else { return true }
    repeat {
      guard let key = string(), take(":"), value(at: path.appending(key)) else { return false }
    } while take(",")
    return take("}")
  }

  private mutating func elements(of path: DocumentPath) -> Bool {
    _ = take("[")
    guard !take("]") else { return true }
    var index = 0
    repeat {
      guard value(at: path.appending(index)) else { return false }
      index += 1
    } while take(",")
    return take("]")
  }

  /// Takes a string; nil where none is there.
  private mutating func string() -> String? {
    guard take("\"") else { return nil }
    var content: [UInt8] = []
    while let byte = take() {
      switch byte {
      case UInt8(ascii: "\""):
        // A key with escapes is shown as it is spelled.
        return String(decoding: content, as: UTF8.self)
      case UInt8(ascii: "\\"):
        content.append(byte)
        if let escaped = take() { content.append(escaped) }
      default: content.append(byte)
      }
    }
    return nil
  }
}

extension DocumentError {
  /// The error with the file and the line in front of the place: `plan.json:12: stages[1].steps`.
  package func placed(in data: some DataProtocol, file: String) -> DocumentError {
    var result = self
    // What is no JSON at all says its own place.
    guard code != .malformed || !subject.isEmpty else {
      result.subject = file
      return result
    }
    let line = DocumentLines(data).line(of: subject)
    result.subject = "\(file):\(line)" + (subject.isEmpty ? "" : ": \(subject)")
    return result
  }
}
