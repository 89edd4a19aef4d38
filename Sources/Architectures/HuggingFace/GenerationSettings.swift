// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON

/// The `generation_config.json` beside a `config.json`: where there is one, it alone says at which
/// tokens a generated text ends, as in transformers; what else it holds goes back as it was.
struct GenerationSettings: Sendable {
  /// The file's bytes; nil where there was no file.
  private let data: Data?
  private let object: JSONObject
  /// The ids in the file.
  let tokens: SpecialTokens
  /// The file's name for errors.
  private let file: String

  /// Settings that come from no file.
  static let none = GenerationSettings(
    data: nil, object: JSONObject(), tokens: SpecialTokens(), file: "")

  private init(data: Data?, object: JSONObject, tokens: SpecialTokens, file: String) {
    self.data = data
    self.file = file
    self.object = object
    self.tokens = tokens
  }

  /// Reads a file.
  ///
  /// - Throws: ``ArchitecturesError`` of code `malformedFile`.
  init(_ data: Data, file: String) throws {
    let object = try HuggingFaceConfiguration.object(in: data, file: file)
    self.init(
      data: data, object: object,
      tokens: try SpecialTokens(ConfigurationReader(file: file, object: object)), file: file)
  }

  /// What they say of how text is generated.
  ///
  /// - Throws: ``ArchitecturesError`` of code `malformedFile` that names the key.
  func rules() throws -> GenerationRules {
    try GenerationRules(ConfigurationReader(file: file, object: object))
  }

  /// Whether they come from a file.
  var isRead: Bool { data != nil }
  /// Whether the file says at which tokens a text ends, even if at none.
  var namesEndOfText: Bool { object["eos_token_id"] != nil }

  /// The file's bytes with these ids.
  func encoded(_ new: SpecialTokens) -> Data {
    if let data, new == tokens { return data }
    var object = object
    for (key, value, old) in [
      ("bos_token_id", new.bos.map { JSONValue($0) }, tokens.bos.map { JSONValue($0) }),
      ("eos_token_id", HuggingFaceFields.tokens(new.eos), HuggingFaceFields.tokens(tokens.eos)),
      ("pad_token_id", new.pad.map { JSONValue($0) }, tokens.pad.map { JSONValue($0) }),
    ] where value != old {
      object[key] = value
    }
    return HuggingFaceConfiguration.data(of: data == nil ? object.sorted() : object)
  }
}

/// The ids of the tokens that begin, end and fill up texts.
struct SpecialTokens: Sendable, Hashable {
  var bos: Int?
  var eos: [Int] = []
  var pad: Int?

  init() {}

  init(bos: Int?, eos: [Int], pad: Int?) {
    self.bos = bos
    self.eos = eos
    self.pad = pad
  }

  /// The ids that a file names; what it leaves out is none, whatever the family.
  init(_ reader: ConfigurationReader) throws {
    bos = try reader.tokens("bos_token_id").first
    eos = try reader.tokens("eos_token_id")
    pad = try reader.tokens("pad_token_id").first
  }
}
