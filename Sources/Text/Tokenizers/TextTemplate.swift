// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// The special tokens that a tokenizer's file puts around a text (`TemplateProcessing`).
///
/// ``Tokenizer/encode(_:allowsSpecialTokens:)`` adds none of them: a corpus of documents has its
/// own ends, and a prompt may want them or not.
public struct TextTemplate: Sendable, Hashable {
  /// Ids before the text.
  public var prefix: [Int32]
  /// Ids after the text.
  public var suffix: [Int32]

  /// Makes a template; by default one that adds nothing.
  public init(prefix: [Int32] = [], suffix: [Int32] = []) {
    self.prefix = prefix
    self.suffix = suffix
  }
}

extension TextTemplate {
  /// Reads the part `post_processor`.
  init(json: JSONValue, index: TokenIndex, subject: String) throws(TextError) {
    let reader = ComponentReader(subject: subject)
    self.init()
    for part in try reader.parts(json, "post_processor", list: "processors") {
      let type = part["type"]?.text ?? "without type"
      switch type {
      case "ByteLevel": continue
      case "TemplateProcessing": try read(part, index, reader)
      default:
        throw reader.unsupported(
          "post_processor \(type)", supported: "ByteLevel, TemplateProcessing, Sequence")
      }
    }
  }

  private mutating func read(
    _ json: JSONValue, _ index: TokenIndex, _ reader: ComponentReader
  ) throws(TextError) {
    guard case .array(let pieces)? = json["single"] else {
      throw reader.invalid(
        "post_processor.single", json["single"] ?? .null, expected: "an array of pieces")
    }
    var isPastText = false
    for piece in pieces {
      if piece["Sequence"] != nil {
        isPastText = true
        continue
      }
      guard let content = piece["SpecialToken"]?["id"]?.bytes,
        let id = index.id(of: content)
      else {
        throw reader.invalid(
          "post_processor.single", piece, expected: "text or a special token of the vocabulary")
      }
      if isPastText { suffix.append(id) } else { prefix.append(id) }
    }
  }
}
