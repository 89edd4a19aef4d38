// SPDX-License-Identifier: Apache-2.0

/// Reads the string `text` of a line of JSON as Python's `json` reads it.
///
/// So `NaN`, `Infinity` and `-Infinity` are numbers, of several equal keys the last counts, and a
/// surrogate may stand alone: it becomes U+FFFD and is counted, since no text in UTF-8 holds one.
struct JSONLineScanner {
  let bytes: UnsafeBufferPointer<UInt8>
  var index = 0
  var replacedSurrogateCount = 0

  /// The text of a line, or what is wrong with it.
  static func document(
    in line: UnsafeBufferPointer<UInt8>
  ) -> Result<JSONLines.Document, JSONLines.Fault> {
    if let invalid = UTF8Text.firstInvalid(line) {
      return .failure(.init(.notUTF8, "is not UTF-8 at byte \(invalid + 1)"))
    }
    var scanner = JSONLineScanner(bytes: line)
    do throws(JSONLines.Fault) {
      return .success(try scanner.document())
    } catch {
      return .failure(error)
    }
  }

  private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  private enum Text { case absent, notString, found([UInt8], replacedSurrogateCount: Int) }

  private mutating func document() throws(JSONLines.Fault) -> JSONLines.Document {
    skipSpace()
    guard next == UInt8(ascii: "{") else {
      try skipValue()
      try end()
      throw JSONLines.Fault(.notAnObject, "is JSON, but not an object")
    }
    var text = Text.absent
    index += 1
    skipSpace()
    var hasMember = next != UInt8(ascii: "}")
    while hasMember {
      if try key() { text = try textValue() } else { try skipValue() }
      skipSpace()
      hasMember = next == UInt8(ascii: ",")
      if hasMember {
        index += 1
        skipSpace()
      }
    }
    try expect(UInt8(ascii: "}"), "“,” or “}”")
    try end()
    switch text {
    case .absent: throw JSONLines.Fault(.withoutText, "has no \"text\"")
    case .notString:
      throw JSONLines.Fault(.textIsNoString, "has a \"text\" that is not a string")
    case .found(let text, let count):
      return JSONLines.Document(
        bytes: text, replacedSurrogateCount: count, lineByteCount: bytes.count)
    }
  }

  /// Reads a key and its colon.
  ///
  /// - Returns: whether it is `text`.
  private mutating func key() throws(JSONLines.Fault) -> Bool {
    guard next == UInt8(ascii: "\"") else { throw fault("expected a key in quotation marks") }
    var key: [UInt8] = []
    try string(into: &key)
    skipSpace()
    try expect(UInt8(ascii: ":"), "“:”")
    return key.elementsEqual("text".utf8)
  }

  private mutating func textValue() throws(JSONLines.Fault) -> Text {
    skipSpace()
    guard next == UInt8(ascii: "\"") else {
      try skipValue()
      return .notString
    }
    var text: [UInt8] = []
    // No text is longer than what stands for it.
    text.reserveCapacity(bytes.count - index)
    replacedSurrogateCount = 0
    try string(into: &text)
    return .found(text, replacedSurrogateCount: replacedSurrogateCount)
  }

  /// Passes over a value of any depth.
  private mutating func skipValue() throws(JSONLines.Fault) {
    var open: [UInt8] = []
    repeat {
      if try !beginValue(&open) { continue }
      // A value is over; so may be those that hold it.
      while let kind = open.last {
        skipSpace()
        if next == UInt8(ascii: ",") {
          index += 1
          if kind == UInt8(ascii: "}") {
            skipSpace()
            _ = try key()
          }
          break
        }
        try expect(kind, kind == UInt8(ascii: "}") ? "“,” or “}”" : "“,” or “]”")
        open.removeLast()
      }
    } while !open.isEmpty
  }

  /// Reads a plain value, or the beginning of an array or object that is not empty, of which the
  /// closing mark goes to `open`.
  ///
  /// - Returns: whether the value is over.
  private mutating func beginValue(_ open: inout [UInt8]) throws(JSONLines.Fault) -> Bool {
    skipSpace()
    switch next {
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      // Two above the opening mark in ASCII.
      let closing = bytes[index] + 2
      index += 1
      skipSpace()
      if next == closing {
        index += 1
        return true
      }
      if closing == UInt8(ascii: "}") { _ = try key() }
      open.append(closing)
      return false
    case UInt8(ascii: "\""):
      try skipString()
      return true
    default:
      if skipWord() || skipNumber() { return true }
      throw fault("expected a value")
    }
  }

  private mutating func end() throws(JSONLines.Fault) {
    skipSpace()
    if index < bytes.count { throw fault("expected the end of the line") }
  }

  var next: UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0a {
      index += 1
    }
  }

  private mutating func expect(_ byte: UInt8, _ name: String) throws(JSONLines.Fault) {
    guard next == byte else { throw fault("expected \(name)") }
    index += 1
  }

  func fault(_ what: String) -> JSONLines.Fault {
    let found =
      index == bytes.count
      ? "the line ends there"
      : bytes[index] == 0
        ? "found a NUL byte" : bytes[index] < 0x20 ? "found a control character" : nil
    let place = "is not JSON: \(what) at byte \(index + 1)"
    return JSONLines.Fault(.notJSON, found.map { "\(place), but \($0)" } ?? place)
  }
}

// MARK: Words and numbers

extension JSONLineScanner {
  private static let words = ["true", "false", "null", "NaN", "Infinity", "-Infinity"]
    .map { Array($0.utf8) }

  private mutating func skipWord() -> Bool {
    for word in Self.words where bytes[index...].starts(with: word) {
      index += word.count
      return true
    }
    return false
  }

  private mutating func skipNumber() -> Bool {
    let start = index
    if next == UInt8(ascii: "-") { index += 1 }
    let first = next
    guard skipDigits() else {
      index = start
      return false
    }
    // After a leading zero nothing but a fraction or an exponent can follow.
    if first == UInt8(ascii: "0") { index = start + (bytes[start] == first ? 1 : 2) }
    skipTail(after: ".", sign: false)
    skipTail(after: "eE", sign: true)
    return true
  }

  private mutating func skipTail(after marks: StaticString, sign: Bool) {
    let start = index
    guard let mark = next, marks.withUTF8Buffer({ $0.contains(mark) }) else { return }
    index += 1
    if sign, next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { index += 1 }
    if !skipDigits() { index = start }
  }

  private mutating func skipDigits() -> Bool {
    let start = index
    while let byte = next, (0x30...0x39).contains(byte) { index += 1 }
    return index > start
  }
}
