// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON

/// Opens tokenizers in the files in which models are published.
public enum TokenizerLoader {
  /// Opens a `tokenizer.json`, or a folder with one or with `vocab.json` and `merges.txt`.
  ///
  /// In a folder, `tokenizer_config.json` names the tokens that begin and end a text where it can.
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
      ? try load(folder: url) : try tokenizer(json: read(url), subject: url.path)
  }

  /// Reads the contents of a `tokenizer.json`; `subject` names them in errors.
  public static func tokenizer(json data: Data, subject: String) throws -> any Tokenizer {
    try tokenizer(json: data, subject: subject, names: SpecialNames())
  }

  /// Opens a `vocab.json` with its `merges.txt`, a byte-level vocabulary in GPT-2's manner.
  ///
  /// `<|endoftext|>`, where the vocabulary has it, is a special token.
  public static func load(vocabulary: URL, merges: URL) throws -> BPETokenizer {
    try load(vocabulary: vocabulary, merges: merges, names: SpecialNames())
  }

  private static func tokenizer(
    json data: Data, subject: String, names: SpecialNames
  ) throws(TextError) -> any Tokenizer {
    let json = try JSONValue(tokenizerFile: data, subject: subject)
    let description = try TokenizerDescription(json: json, subject: subject)
    let tokenizer = try BPETokenizer(
      description, endOfText: names.end, beginningOfText: names.beginning, subject: subject)
    let bytes = ByteTokenizer()
    return tokenizer.vocabularySize == bytes.vocabularySize
      && tokenizer.tokenizerJSON() == bytes.tokenizerJSON() ? bytes : tokenizer
  }

  private static func load(folder: URL) throws -> any Tokenizer {
    let names = SpecialNames(folder: folder)
    let file = folder.appendingPathComponent("tokenizer.json")
    if FileManager.default.fileExists(atPath: file.path) {
      return try tokenizer(json: read(file), subject: file.path, names: names)
    }
    let vocabulary = folder.appendingPathComponent("vocab.json")
    let merges = folder.appendingPathComponent("merges.txt")
    guard FileManager.default.fileExists(atPath: vocabulary.path),
      FileManager.default.fileExists(atPath: merges.path)
    else {
      throw TextError(
        .unreadableInput,
        "holds neither tokenizer.json nor vocab.json with merges.txt; save the tokenizer there in "
          + "one of these forms (in Python: AutoTokenizer.from_pretrained(…).save_pretrained(…))",
        subject: folder.path)
    }
    return try load(vocabulary: vocabulary, merges: merges, names: names)
  }

  private static func load(
    vocabulary: URL, merges: URL, names: SpecialNames
  ) throws -> BPETokenizer {
    let json = try JSONValue(tokenizerFile: read(vocabulary), subject: vocabulary.path)
    var model = try ModelDescription(
      json: ["vocab": json, "merges": []], subject: vocabulary.path)
    let index = try model.index(subject: vocabulary.path)
    model.merges = try MergeReader(index: index, subject: merges.path)
      .merges(lines: [UInt8](read(merges)))
    let end = [names.end ?? TokenVocabulary.endNames[0]].compactMap { name in
      index.id(of: name).map { AddedToken(id: $0, content: name) }
    }
    return try BPETokenizer(
      TokenizerDescription(byteLevel: model, pattern: .gpt2, addedTokens: end),
      endOfText: names.end, beginningOfText: names.beginning, subject: vocabulary.path)
  }

  private static func read(_ url: URL) throws(TextError) -> Data {
    do { return try Data(contentsOf: url, options: .mappedIfSafe) } catch {
      throw TextError(
        .unreadableInput, "cannot be read; expected a readable file", subject: url.path,
        cause: error)
    }
  }
}

/// The tokens that a folder's `tokenizer_config.json` names; none where it cannot be read.
private struct SpecialNames {
  var beginning: String?
  var end: String?

  init() {}

  init(folder: URL) {
    let url = folder.appendingPathComponent("tokenizer_config.json")
    guard let data = try? Data(contentsOf: url),
      let json = try? JSONValue(tokenizerFile: data, subject: url.path)
    else { return }
    beginning = json["bos_token"]?.text ?? json["bos_token"]?["content"]?.text
    end = json["eos_token"]?.text ?? json["eos_token"]?["content"]?.text
  }
}
