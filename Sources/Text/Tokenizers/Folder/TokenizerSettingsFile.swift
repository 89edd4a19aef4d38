// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON

/// A `tokenizer_config.json`: it makes `AutoTokenizer` of transformers take the `tokenizer.json`
/// beside it as it is, with the right special tokens.
public enum TokenizerSettingsFile {
  /// The file's name.
  public static let name = "tokenizer_config.json"

  /// The contents of the file that goes with a `tokenizer.json`.
  ///
  /// A token without a place in the vocabulary is left out.
  ///
  /// - Parameters:
  ///   - tokenizer: the contents of `tokenizer.json`.
  ///   - beginningOfText: the id of the token that begins a text.
  ///   - endOfText: the id of the token that ends a text.
  ///   - padding: the id of the token that fills up short texts.
  ///   - contextLength: the most tokens that the model takes.
  /// - Throws: ``TextError`` of code `invalidTokenizer` for contents that are no tokenizer's.
  public static func encoded(
    for tokenizer: Data, beginningOfText: Int?, endOfText: Int?, padding: Int? = nil,
    contextLength: Int
  ) throws -> Data {
    let json = try JSONValue(tokenizerFile: tokenizer, subject: "tokenizer.json")
    let names = TokenNames(json)
    var object = JSONObject()
    func set(_ key: String, _ content: String?) {
      if let content { object[key] = .string(content) }
    }
    set("bos_token", beginningOfText.flatMap(names.name))
    object["clean_up_tokenization_spaces"] = false
    set("eos_token", endOfText.flatMap(names.name))
    object["model_max_length"] = JSONValue(contextLength)
    set("pad_token", padding.flatMap(names.name))
    // Transformers 4 knows it by this name, and so does 5.
    object["tokenizer_class"] = "PreTrainedTokenizerFast"
    set("unk_token", json["model"]?["unk_token"]?.text.flatMap { names.knows($0) ? $0 : nil })
    return data(of: object)
  }

  /// The file with another context length where it holds the old one; nil where nothing changes.
  ///
  /// - Parameter data: the file's contents, which are left alone where they are no object.
  public static func changed(
    _ data: Data, contextLength: Int, from old: Int
  ) -> Data? {
    let options = JSONScanner.Options(allowsNonFiniteNumbers: true)
    guard contextLength != old,
      case .object(var object)? = try? JSONValue(parsing: [UInt8](data), options: options),
      object["model_max_length"]?.integer == old
    else { return nil }
    object["model_max_length"] = JSONValue(contextLength)
    return Self.data(of: object)
  }

  private static func data(of object: JSONObject) -> Data {
    Data(JSONValue.object(object).encoded(.indented) + [0x0A])
  }
}

/// The tokens of a `tokenizer.json` by id.
private struct TokenNames {
  private let added: [JSONValue]
  private let vocabulary: [JSONObject.Member]

  init(_ json: JSONValue) {
    if case .array(let entries)? = json["added_tokens"] { added = entries } else { added = [] }
    if case .object(let object)? = json["model"]?["vocab"] {
      vocabulary = object.members
    } else {
      vocabulary = []
    }
  }

  func name(_ id: Int) -> String? {
    added.first { $0["id"]?.integer == id }?["content"]?.text
      ?? vocabulary.first { $0.value.integer == id }?.key
  }

  func knows(_ content: String) -> Bool {
    let content = JSONValue.string(content)
    return added.contains { $0["content"] == content }
      || vocabulary.contains { JSONValue.string($0.key) == content }
  }
}
