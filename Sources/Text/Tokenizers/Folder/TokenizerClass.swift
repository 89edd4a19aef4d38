// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON

/// How `AutoTokenizer` of transformers 5 opens a folder.
///
/// Some of its classes take only vocabulary, merges and template from a `tokenizer.json` and make all
/// other parts themselves.
enum TokenizerClass: Sendable {
  /// The file as it is (`TokenizersBackend`, `PreTrainedTokenizerFast`).
  case file
  case gpt2
  case gptNeoX
  case llama
  case qwen2

  /// The class for a folder; `tokenizerFile` are the contents of its `tokenizer.json`.
  ///
  /// Where a file stands alone it means what it says: transformers would go by the model's type,
  /// and so misread whatever the type's usual tokenizer is not. For the same reason a class that
  /// says "the file as it is" is believed also for Qwen2, where transformers overrules it.
  init(of folder: TokenizerFolder, tokenizerFile: Data?) {
    let registered = folder.modelType.flatMap { Self.ofModelType[$0] }
    let named = (folder.settings?["tokenizer_class"]?.text ?? folder.modelTokenizerClass)
      .map { $0.hasSuffix("Fast") ? String($0.dropLast(4)) : $0 }
    guard let named, tokenizerFile == nil || folder.settings != nil else {
      self = tokenizerFile == nil || folder.settings != nil ? registered ?? .file : .file
      return
    }
    let isOverruled = folder.modelType == "qwen2"
    if registered == .file || Self.plainNames.contains(named) {
      self = .file
    } else if isOverruled {
      self = .qwen2
    } else {
      self = Self.named[named] ?? .file
    }
    if self == .llama, tokenizerFile?.range(of: Data("\"ByteLevel\"".utf8)) != nil { self = .file }
    // Only these come as vocab.json with merges.txt.
    if self == .llama, tokenizerFile == nil { self = .file }
  }

  private static let named: [String: Self] = [
    "GPT2Tokenizer": .gpt2, "GPTNeoXTokenizer": .gptNeoX, "LlamaTokenizer": .llama,
    "Qwen2Tokenizer": .qwen2,
  ]
  private static let plainNames: Set = ["PreTrainedTokenizer", "TokenizersBackend"]
  /// The classes that transformers has registered for types of models.
  private static let ofModelType: [String: Self] = [
    "gpt2": .gpt2, "phi": .gpt2, "starcoder2": .gpt2,
    "gpt_neox": .gptNeoX, "olmo": .gptNeoX, "olmoe": .gptNeoX,
    "qwen2": .qwen2, "qwen2_moe": .qwen2, "qwen3": .qwen2, "qwen3_moe": .qwen2,
    "mistral": .file, "mixtral": .file, "ministral": .file, "phi3": .file, "phimoe": .file,
    "granite": .file, "granitemoe": .file, "olmo2": .file, "olmo3": .file, "stablelm": .file,
  ]

  /// The special tokens that the class has where no file names them.
  var defaultTokens: [(key: String, content: String)] {
    let end = "<|endoftext|>"
    return switch self {
    case .file: []
    case .gpt2: [("bos_token", end), ("eos_token", end), ("unk_token", end)]
    case .gptNeoX:
      [("bos_token", end), ("eos_token", end), ("unk_token", end), ("pad_token", "<|padding|>")]
    case .llama: [("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")]
    case .qwen2: [("eos_token", end), ("unk_token", end), ("pad_token", end)]
    }
  }
}
