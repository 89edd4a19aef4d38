// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON
import Text

/// The recipe's `tokenizer`: what turns its texts into tokens.
public enum TokenizerRecipe: Sendable, Hashable {
  /// Byte-level BPE, trained on the training texts, of this vocabulary size.
  case bytePairs(vocabularySize: Int)
  /// A tokenizer's file or directory in Hugging Face's format.
  case file(URL)
  /// One token per byte and one for the end of a text.
  case bytes
}

extension Recipe {
  /// The tokenizer's vocabulary, as far as the recipe and the files that it names say; nil where they do not.
  ///
  /// Where the recipe's model names a vocabulary no file is looked into for a smaller one.
  var tokenizerVocabularySize: Int? {
    if case .bytes? = tokenizer { return ByteTokenizer().vocabularySize }
    if let size = model?.vocabularySize { return size }
    switch (data.source, tokenizer) {
    case (.prepared(let url), _):
      return CorpusManifest(found: url)?.vocabularySize
    case (_, .bytePairs(let size)): return size
    case (_, .file(let url)): return try? TokenizerLoader.load(from: url).vocabularySize
    case (.texts, _): return nil
    }
  }
}

extension TokenizerRecipe {
  private enum Kind: String, CaseIterable { case bpe, file, bytes }
  static let keys = ["kind", "vocabulary", "path"]

  init(_ value: RecipeValue, base: URL) throws {
    let all = try value.mapping(keys: Self.keys)
    let kind = try all.required("kind", "bpe, file or bytes").choice(Kind.self)
    switch kind {
    case .bpe:
      let keys = try value.mapping(keys: ["kind", "vocabulary"])
      self = .bytePairs(
        vocabularySize: try keys.required("vocabulary", "the number of tokens to train")
          .integer(in: 257...(1 << 24)))
    case .file:
      let keys = try value.mapping(keys: ["kind", "path"])
      self = .file(
        try keys.required("path", "a tokenizer.json or its directory").file(relativeTo: base))
    case .bytes:
      _ = try value.mapping(keys: ["kind"])
      self = .bytes
    }
  }

  var json: JSONValue {
    switch self {
    case .bytePairs(let size): .keys([("kind", "bpe"), ("vocabulary", JSONValue(size))])
    case .file(let url): .keys([("kind", "file"), ("path", .file(url))])
    case .bytes: .keys([("kind", "bytes")])
    }
  }
}

extension RecipeValue {
  /// A path, relative to the recipe's directory unless absolute; `~` stands for the home directory.
  func file(relativeTo base: URL) throws -> URL {
    let path = try text("a path")
    if path == "~" || path.hasPrefix("~/") {
      return FileManager.default.homeDirectoryForCurrentUser
        .appending(path: String(path.dropFirst(2))).standardizedFileURL
    }
    return URL(filePath: path, relativeTo: base).absoluteURL.standardizedFileURL
  }
}
