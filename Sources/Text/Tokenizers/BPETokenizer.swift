// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import OrderedJSON
import Synchronization

/// A byte-pair-encoding tokenizer: byte-level as GPT-2, Llama 3, Qwen and SmolLM have it, or over
/// characters with byte fallback as Llama 2 and Mistral have it.
///
/// Its ids are those that the Hugging Face library `tokenizers` gives with the same
/// `tokenizer.json` and `add_special_tokens=False`. It is safe to use from many threads at once.
public final class BPETokenizer: Tokenizer {
  /// One more than the highest id.
  public let vocabularySize: Int
  /// The id that ends a text; nil where the vocabulary has none by a usual name.
  public let endOfText: Int32?
  /// The id that begins a text; nil where the vocabulary has none.
  public let beginningOfText: Int32?
  /// What the tokenizer's file puts around a text; ``encode(_:allowsSpecialTokens:)`` does not.
  public let template: TextTemplate
  /// Tokens found in the text as they are written, by id.
  public let addedTokens: [AddedToken]
  /// Whether special tokens that a text spells out are text in any case (`split_special_tokens`).
  public let splitsSpecialTokens: Bool
  /// Number of merges.
  public var mergeCount: Int { description.model.merges.count }

  private let description: TokenizerDescription
  /// Spelling of each id, empty for ids without a token.
  private let contents: [[UInt8]]
  /// The same of the model alone.
  private let modelContents: [[UInt8]]
  private let index: TokenIndex
  fileprivate let normalizer: Normalizer
  fileprivate let preTokenizer: PreTokenizer
  private let model: BytePairModel
  private let rawMatcher: AddedTokenMatcher
  private let normalizedMatcher: AddedTokenMatcher
  private let decoder: TokenDecoder
  /// The bytes that each id stands for, end to end.
  private let decoded: ByteSlices
  private let workspaces = EncodingWorkspacePool()
  private let cachedFingerprint = Mutex<String?>(nil)

  /// Makes a tokenizer; `endOfText` names a token and overrides the usual names.
  init(
    _ description: TokenizerDescription, endOfText: String? = nil, beginningOfText: String? = nil,
    splitsSpecialTokens: Bool = false, subject: String
  ) throws(TextError) {
    self.splitsSpecialTokens = splitsSpecialTokens
    let vocabulary = try TokenVocabulary(description, subject: subject)
    self.description = description
    contents = vocabulary.contents
    modelContents = vocabulary.modelContents
    addedTokens = vocabulary.addedTokens
    index = vocabulary.index
    vocabularySize = vocabulary.contents.count
    let normalizer = try Normalizer(json: description.normalizer, subject: subject)
    self.normalizer = normalizer
    preTokenizer = try PreTokenizer(json: description.preTokenizer, subject: subject)
    template = try TextTemplate(
      json: description.postProcessor, index: vocabulary.index, subject: subject)
    let decoder = try TokenDecoder(
      json: description.decoder, isByteLevel: preTokenizer.isByteLevel, subject: subject)
    self.decoder = decoder
    model = try BytePairModel(
      description.model, contents: vocabulary.modelContents, isByteLevel: preTokenizer.isByteLevel,
      subject: subject)
    let raw = vocabulary.addedTokens.filter { !$0.matchesNormalized }
    let normalized = vocabulary.addedTokens.filter(\.matchesNormalized)
    rawMatcher = AddedTokenMatcher(raw.map { (Array($0.content.utf8), $0) })
    normalizedMatcher = AddedTokenMatcher(
      normalized.map { (normalizer.normalized(Array($0.content.utf8)), $0) })
    var spellings = vocabulary.contents
    for token in normalized {
      spellings[Int(token.id)] = normalizer.normalized(Array(token.content.utf8))
    }
    decoded = ByteSlices(
      spellings.indices.map { decoder.bytes(of: spellings[$0], isAdded: vocabulary.isAdded[$0]) })
    self.endOfText = vocabulary.firstID(
      of: [endOfText].compactMap { $0 } + TokenVocabulary.endNames)
    self.beginningOfText =
      vocabulary.firstID(of: [beginningOfText].compactMap { $0 }) ?? template.prefix.first
      ?? vocabulary.firstID(of: TokenVocabulary.beginningNames)
  }

  /// The id of a token spelled as in the tokenizer's file; nil where there is none.
  public func id(ofToken token: String) -> Int32? { index.id(of: token) }

  /// The spelling, in the tokenizer's file, of a token; nil for ids without one.
  public func token(ofID id: Int32) -> String? {
    guard contents.indices.contains(Int(id)), !contents[Int(id)].isEmpty else { return nil }
    return String(decoding: contents[Int(id)], as: UTF8.self)
  }

  /// The ids of text in UTF-8, in linear time but for words without end (n log n).
  public func encode(_ utf8: UnsafeRawBufferPointer, allowsSpecialTokens: Bool) -> [Int32] {
    workspaces.withWorkspace { workspace in
      UTF8Text.withValid(utf8.bindMemory(to: UInt8.self)) { text in
        encode(
          text, allowsSpecialTokens: allowsSpecialTokens && !splitsSpecialTokens, into: workspace)
        return workspace.takeIDs()
      }
    }
  }

  private func encode(
    _ text: UnsafeBufferPointer<UInt8>, allowsSpecialTokens: Bool,
    into workspace: EncodingWorkspace
  ) {
    workspace.reserveIDs(text.count / 3)
    rawMatcher.split(text, allowsSpecialTokens: allowsSpecialTokens) { range in
      normalizer.withNormalized(UnsafeBufferPointer(rebasing: text[range])) { normalized in
        normalizedMatcher.split(normalized, allowsSpecialTokens: allowsSpecialTokens) { part in
          preTokenizer.forEachWord(
            UnsafeBufferPointer(rebasing: normalized[part]),
            isStart: range.lowerBound == 0 && part.lowerBound == 0
          ) { word, count, available in
            model.encode(word, count: count, available: available, into: workspace)
          }
        } token: {
          workspace.append($0)
        }
      }
    } token: {
      workspace.append($0)
    }
  }

  /// The bytes that the ids stand for; special tokens stand for their spelling.
  public func decode(_ ids: some Sequence<Int32>) -> [UInt8] {
    var result: [UInt8] = []
    var firstCount: Int?
    for id in ids where contents.indices.contains(Int(id)) {
      decoded.append(Int(id), to: &result)
      if firstCount == nil { firstCount = result.count }
    }
    return decoder.trimmed(result, firstCount: firstCount ?? 0)
  }

  /// The tokenizer's file in canonical form.
  ///
  /// White space, the order of tokens and the spelling of merges do not depend on the file that the
  /// tokenizer was read from.
  public func tokenizerJSON() -> Data {
    Data(description.json(contents: modelContents).encoded(.indented))
  }

  /// SHA-256 of ``tokenizerJSON()`` in hexadecimal.
  public var fingerprint: String {
    cachedFingerprint.withLock { cached in
      if let cached { return cached }
      let value = FileDigest(of: tokenizerJSON()).sha256
      cached = value
      return value
    }
  }
}

extension BPETokenizer: DivisibleTokenizer {
  var allowsCuts: Bool {
    let takesSpaces = addedTokens.contains { $0.stripsRight || $0.content.utf8.contains(0x20) }
    return preTokenizer.allowsCuts && normalizer.allowsCuts && !takesSpaces
  }
}
