// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation
import OrderedJSON

/// Opens tokenizers in the files in which models are published.
public enum TokenizerLoader {
  /// Opens a `tokenizer.json`, or a folder with one or with `vocab.json` and `merges.txt`.
  ///
  /// A folder is read as `AutoTokenizer` of transformers reads it, with `tokenizer_config.json`,
  /// `special_tokens_map.json` and `added_tokens.json`; a file as the library `tokenizers` does.
  /// Throws ``TextError``: `unreadableInput` for files that are missing, `invalidTokenizer` for
  /// damaged ones, `unsupportedTokenizer` for components that are not known.
  public static func load(from url: URL) throws -> any Tokenizer {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      throw TextError(
        .unreadableInput, "does not exist; expected a tokenizer.json or a model's folder",
        subject: url.path)
    }
    return isFolder.boolValue
      ? try TokenizerFolder(url).tokenizer() : try tokenizer(json: read(url), subject: url.path)
  }

  /// Reads the contents of a `tokenizer.json`; `subject` names them in errors.
  public static func tokenizer(json data: Data, subject: String) throws -> any Tokenizer {
    let json = try JSONValue(tokenizerFile: data, subject: subject)
    return try tokenizer(TokenizerDescription(json: json, subject: subject), subject: subject)
  }

  /// Opens a `vocab.json` with its `merges.txt`, a byte-level vocabulary in GPT-2's manner.
  ///
  /// `<|endoftext|>`, where the vocabulary has it, is a special token.
  public static func load(vocabulary: URL, merges: URL) throws -> BPETokenizer {
    let model = try ModelDescription(vocabulary: vocabulary, merges: merges)
    let index = try model.index(subject: vocabulary.path)
    let end = TokenVocabulary.endNames.prefix(1).compactMap { name in
      index.id(of: name).map { AddedToken(id: $0, content: name) }
    }
    return try BPETokenizer(
      TokenizerDescription(byteLevel: model, pattern: .gpt2, addedTokens: end),
      subject: vocabulary.path)
  }

  /// Whether a folder's `tokenizer.json`, read by itself, is the tokenizer of this fingerprint.
  public static func hasFile(ofFingerprint fingerprint: String, in folder: URL) -> Bool {
    (try? load(from: folder.appendingPathComponent("tokenizer.json")))?.fingerprint == fingerprint
  }

  /// Makes a tokenizer of its description.
  static func tokenizer(
    _ description: TokenizerDescription, endOfText: String? = nil, beginningOfText: String? = nil,
    splitsSpecialTokens: Bool = false, subject: String
  ) throws(TextError) -> any Tokenizer {
    let tokenizer = try BPETokenizer(
      description, endOfText: endOfText, beginningOfText: beginningOfText,
      splitsSpecialTokens: splitsSpecialTokens, subject: subject)
    let bytes = ByteTokenizer()
    return !splitsSpecialTokens && tokenizer.vocabularySize == bytes.vocabularySize
      && tokenizer.tokenizerJSON() == bytes.tokenizerJSON() ? bytes : tokenizer
  }

  static func read(_ url: URL) throws(TextError) -> Data {
    do { return try RegularFile.contents(of: url.path, atMost: 1 << 30) } catch {
      throw TextError(
        .unreadableInput, error.message, subject: url.path, remedy: "expected a file of a tokenizer"
      )
    }
  }
}

extension ModelDescription {
  /// Reads a `vocab.json` with its `merges.txt`.
  init(vocabulary: URL, merges: URL) throws(TextError) {
    let json = try JSONValue(
      tokenizerFile: TokenizerLoader.read(vocabulary), subject: vocabulary.path)
    try self.init(json: ["vocab": json, "merges": []], subject: vocabulary.path)
    self.merges = try MergeReader(
      index: index(subject: vocabulary.path), subject: merges.path
    ).merges(lines: [UInt8](TokenizerLoader.read(merges)))
  }
}
