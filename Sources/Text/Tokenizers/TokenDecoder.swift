// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// From tokens to the bytes of text.
struct TokenDecoder: Sendable, Equatable {
  /// One thing done to each token.
  enum Step: Sendable, Equatable {
    /// Spellings of the byte-level alphabet become bytes.
    case byteLevel
    case replace(pattern: [UInt8], with: [UInt8])
    /// `<0x0A>` becomes the byte.
    case byteFallback
  }
  /// One thing done to the text as a whole.
  enum Trim: Sendable, Equatable {
    case none
    /// Up to so many of a character are taken from the ends.
    case strip(content: [UInt8], start: Int, end: Int)
    /// Every occurrence is taken from the first token.
    case firstToken([UInt8])
  }
  var steps: [Step]
  var trim: Trim

  /// The bytes that a token stands for within a text.
  func bytes(of content: [UInt8], isAdded: Bool) -> [UInt8] {
    var content = content
    for step in steps {
      switch step {
      case .byteLevel:
        if !isAdded, let bytes = ByteLevelAlphabet.bytes(ofSpelling: content) { content = bytes }
      case .replace(let pattern, let replacement):
        content =
          content.withUnsafeBufferPointer {
            ByteReplacement.replace(pattern, with: replacement, in: $0)
          } ?? content
      case .byteFallback: if let byte = Self.byte(content) { return [byte] }
      }
    }
    return content
  }

  private static func byte(_ content: [UInt8]) -> UInt8? {
    guard content.count == 6, content.starts(with: "<0x".utf8), content[5] == UInt8(ascii: ">")
    else { return nil }
    return UInt8(String(decoding: content[3..<5], as: UTF8.self), radix: 16)
  }

  /// The whole text after its ends are trimmed; `firstCount` bytes of it are the first token's.
  func trimmed(_ text: [UInt8], firstCount: Int) -> [UInt8] {
    switch trim {
    case .none: return text
    case .firstToken(let content):
      let first = text[..<firstCount].withUnsafeBufferPointer {
        ByteReplacement.replace(content, with: [], in: $0)
      }
      return first.map { $0 + text[firstCount...] } ?? text
    case .strip(let content, let start, let end):
      var rest = text[...]
      for _ in 0..<min(start, text.count) where rest.starts(with: content) {
        rest = rest.dropFirst(content.count)
      }
      for _ in 0..<min(end, text.count) where rest.suffix(content.count).elementsEqual(content) {
        rest = rest.dropLast(content.count)
      }
      return Array(rest)
    }
  }
}

extension TokenDecoder {
  /// Reads the part `decoder`.
  init(json: JSONValue, isByteLevel: Bool, subject: String) throws(TextError) {
    let reader = ComponentReader(subject: subject)
    self.init(steps: [], trim: .none)
    if json == .null && isByteLevel { steps = [.byteLevel] }
    for part in try reader.parts(json, "decoder", list: "decoders") { try add(part, reader) }
  }

  private mutating func add(_ json: JSONValue, _ reader: ComponentReader) throws(TextError) {
    let type = json["type"]?.text ?? "without type"
    switch type {
    case "ByteLevel": steps.append(.byteLevel)
    case "ByteFallback": steps.append(.byteFallback)
    case "Fuse": break
    case "Replace":
      guard case .text(let pattern) = try reader.pattern(json, in: "decoder") else {
        throw reader.unsupported("decoder Replace by Regex", supported: "Replace of a String")
      }
      let content = try reader.content(json, "content", in: "decoder")
      steps.append(.replace(pattern: pattern, with: content))
    case "Metaspace":
      let replacement = try reader.content(json, "replacement", in: "decoder")
      steps.append(.replace(pattern: replacement, with: [0x20]))
      let adds = try reader.flag(json, "add_prefix_space", in: "decoder", default: true)
      if adds && json["prepend_scheme"] != "never" { trim = .firstToken([0x20]) }
    case "Strip":
      trim = .strip(
        content: try reader.content(json, "content", in: "decoder"),
        start: try reader.count(json, "start", in: "decoder"),
        end: try reader.count(json, "stop", in: "decoder"))
    default:
      throw reader.unsupported(
        "decoder \(type)",
        supported: "ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip, Sequence")
    }
  }
}
