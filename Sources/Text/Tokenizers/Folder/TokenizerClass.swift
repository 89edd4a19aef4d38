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
  case codeLlama
  case cohere
  case gemma
  /// GPT-2's; CodeGen's makes the same.
  case gpt2
  case gptNeoX
  case llama
  case qwen2
  case qwen3_5
  /// RoBERTa's and those that were made from it.
  case roberta
  case whisper

  /// The class for a folder; `tokenizerFile` are the contents of its `tokenizer.json`.
  ///
  /// Where a file stands alone it means what it says: transformers would go by the model's type,
  /// and so misread whatever the type's usual tokenizer is not. For the same reason a class that
  /// says "the file as it is" is believed also for Qwen2, whose models this library writes with
  /// tokenizers of every kind; transformers overrules it there as for all ``overruledTypes``.
  init(of folder: TokenizerFolder, tokenizerFile: Data?) throws(TextError) {
    let registered = folder.modelType.flatMap { Self.ofModelType[$0] }
    let named = (folder.settings?["tokenizer_class"]?.text ?? folder.modelTokenizerClass)
      .map { $0.hasSuffix("Fast") ? String($0.dropLast(4)) : $0 }
    guard let named, tokenizerFile == nil || folder.settings != nil else {
      self = tokenizerFile == nil || folder.settings != nil ? registered ?? .file : .file
      self = self.fitting(tokenizerFile)
      return
    }
    let isPlain = Self.plainNames.contains(named)
    if let registered, let type = folder.modelType, Self.overruledTypes.contains(type),
      !(isPlain && type == "qwen2")
    {
      self = registered
    } else if registered == .file || isPlain {
      self = .file
    } else if Self.strangers.contains(named) {
      throw Self.unsupported(named, folder)
    } else {
      self = Self.named[named] ?? .file
    }
    self = self.fitting(tokenizerFile)
  }

  /// The class that transformers takes where the file is not of the named one's kind.
  private func fitting(_ tokenizerFile: Data?) -> Self {
    // SentencePiece's come as tokenizer.json or tokenizer.model, never as vocab.json.
    guard let tokenizerFile else { return isSentencePiece ? .file : self }
    return self == .llama && tokenizerFile.range(of: Data("\"ByteLevel\"".utf8)) != nil
      ? .file : self
  }

  private static func unsupported(_ name: String, _ folder: TokenizerFolder) -> TextError {
    let isNamedBeside = folder.settings?["tokenizer_class"]?.text != nil
    let file = isNamedBeside ? TokenizerFolder.settingsName : "config.json"
    return ComponentReader(subject: folder.url.appendingPathComponent(file).path).unsupported(
      "tokenizer_class \(name), which cuts text in its own way whatever tokenizer.json says,",
      supported: "\(plainNames.union(named.keys).sorted().joined(separator: ", ")); where "
        + "tokenizer.json is right as it is, name PreTrainedTokenizerFast")
  }

  /// Whether words are made of characters, with "▁" for a space.
  var isSentencePiece: Bool {
    switch self {
    case .codeLlama, .gemma, .llama: true
    default: false
    }
  }

  /// The special tokens that the class has where no file names them.
  var defaultTokens: [(key: String, content: String)] {
    let end = "<|endoftext|>"
    let llama = [("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")]
    return switch self {
    case .file: []
    case .codeLlama:
      llama + [
        ("prefix_token", "▁<PRE>"), ("middle_token", "▁<MID>"), ("suffix_token", "▁<SUF>"),
        ("eot_token", "▁<EOT>"), ("fill_token", "<FILL_ME>"),
      ]
    case .cohere:
      [
        ("unk_token", "<UNK>"), ("bos_token", "<BOS_TOKEN>"),
        ("eos_token", "<|END_OF_TURN_TOKEN|>"), ("pad_token", "<PAD>"), ("cls_token", "<CLS>"),
        ("sep_token", "<SEP>"), ("mask_token", "<MASK_TOKEN>"),
      ]
    case .gemma:
      [
        ("bos_token", "<bos>"), ("eos_token", "<eos>"), ("unk_token", "<unk>"),
        ("pad_token", "<pad>"), ("mask_token", "<mask>"),
      ]
    case .gpt2, .whisper: [("bos_token", end), ("eos_token", end), ("unk_token", end)]
    case .gptNeoX:
      [("bos_token", end), ("eos_token", end), ("unk_token", end), ("pad_token", "<|padding|>")]
    case .llama: llama
    case .qwen2, .qwen3_5: [("eos_token", end), ("unk_token", end), ("pad_token", end)]
    case .roberta:
      llama + [
        ("sep_token", "</s>"), ("cls_token", "<s>"), ("pad_token", "<pad>"),
        ("mask_token", "<mask>"),
      ]
    }
  }
}
