// SPDX-License-Identifier: Apache-2.0

extension JSONValue {
  /// How a value is laid out as text.
  public enum Layout: Sendable {
    /// Without any white space.
    case compact
    /// One member or element a line, two spaces a level: Python's `json.dumps(…, indent=2)`.
    case indented
    /// As ``compact``, with control characters by their numbers, delete too: a line of a log.
    case line
    /// As ``indented``, with spaces around colons and a blank line in what is empty: as Foundation
    /// writes, in which this package's files began.
    case spaced
  }

  /// The bytes that spell the value; text outside ASCII stands as it is.
  ///
  /// Only what JSON demands is escaped, with the short escapes where there are some.
  public func encoded(_ layout: Layout) -> [UInt8] {
    var writer = Writer(layout: layout)
    writer.write(self, level: 0)
    return writer.bytes
  }
}

private struct Writer {
  let layout: JSONValue.Layout
  var bytes: [UInt8] = []

  init(layout: JSONValue.Layout) { self.layout = layout }

  mutating func write(_ value: JSONValue, level: Int) {
    switch value {
    case .null: append("null")
    case .boolean(let value): append(value ? "true" : "false")
    case .number(let spelling): append(spelling)
    case .string(let text): write(text)
    case .array(let elements):
      list(elements, from: "[", to: "]", level: level) { $0.write($1, level: level + 1) }
    case .object(let object):
      list(object.members, from: "{", to: "}", level: level) {
        $0.write($1.key)
        $0.append($0.colon)
        $0.write($1.value, level: level + 1)
      }
    }
  }

  private var colon: String {
    switch layout {
    case .compact, .line: ":"
    case .indented: ": "
    case .spaced: " : "
    }
  }

  private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func list<Item>(
    _ items: [Item], from start: String, to end: String, level: Int,
    _ write: (inout Writer, Item) -> Void
  ) {
    append(start)
    for (index, item) in items.enumerated() {
      if index > 0 { append(",") }
      startLine(level + 1)
      write(&self, item)
    }
    if items.isEmpty, layout == .spaced { bytes.append(0x0A) }
    if !items.isEmpty || layout == .spaced { startLine(level) }
    append(end)
  }

  private mutating func startLine(_ level: Int) {
    guard layout == .indented || layout == .spaced else { return }
    bytes.append(0x0A)
    bytes.append(contentsOf: repeatElement(0x20, count: 2 * level))
  }

  private mutating func write(_ text: String) {
    append("\"")
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case 0x08 where layout != .line: append("\\b")
      case 0x09: append("\\t")
      case 0x0A: append("\\n")
      case 0x0C where layout != .line: append("\\f")
      case 0x0D where layout != .line: append("\\r")
      case 0x7F where layout == .line: append("\\u007f")
      case 0..<0x20: append("\\u00" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16))
      default: bytes.append(byte)
      }
    }
    append("\"")
  }
}
