// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

extension BytePairModel {
  /// Makes the engine of a model; `contents` are the spellings by id.
  init(
    _ model: ModelDescription, contents: [[UInt8]], isByteLevel: Bool, subject: String
  ) throws(TextError) {
    let index = try model.index(subject: subject)
    pairs = PairTable(try Self.merges(model, contents: contents, index: index, subject: subject))
    alphabet = SymbolAlphabet(
      unit: isByteLevel ? .bytes : .scalars, model: model, index: index)
    try Self.checkUnknown(model, alphabet: alphabet, index: index, subject: subject)
    wholeWords = model.ignoresMerges ? Self.wholeWords(model, isByteLevel: isByteLevel) : nil
    boundaries =
      isByteLevel
      ? nil : MetaspaceBoundaries(model: model, alphabet: alphabet, contents: contents)
    if isByteLevel && model.usesByteFallback && !alphabet.isComplete {
      throw ComponentReader(subject: subject).unsupported(
        "model.byte_fallback with a byte-level alphabet that lacks bytes",
        supported: "byte_fallback without ByteLevel")
    }
  }

  /// Refuses an unknown token without an id where a text can ask for it, which the reference does
  /// when the text comes.
  private static func checkUnknown(
    _ model: ModelDescription, alphabet: SymbolAlphabet, index: TokenIndex, subject: String
  ) throws(TextError) {
    guard let unknown = model.unknownToken, index.id(of: unknown) == nil,
      !alphabet.spellsEverything
    else { return }
    throw ComponentReader(subject: subject).invalid(
      "model.unk_token", JSONValue(bytes: unknown),
      expected: "a token of model.vocab, which does not spell every text; null leaves out what it "
        + "cannot spell")
  }

  private static func merges(
    _ model: ModelDescription, contents: [[UInt8]], index: TokenIndex, subject: String
  ) throws(TextError) -> [(left: Int32, right: Int32, merged: Int32)] {
    var merges: [(left: Int32, right: Int32, merged: Int32)] = []
    merges.reserveCapacity(model.merges.count)
    for (rank, merge) in model.merges.enumerated() {
      let content = contents[Int(merge.left)] + contents[Int(merge.right)]
      guard let id = index.id(of: content) else {
        throw TextError(
          .invalidTokenizer,
          "merge \(rank) makes '\(ModelDescription.name(content))', which the vocabulary lacks; "
            + "expected merges and vocabulary of the same tokenizer",
          subject: subject)
      }
      merges.append((merge.left, merge.right, id))
    }
    return merges
  }

  /// Tokens by the bytes of the words that they are.
  private static func wholeWords(_ model: ModelDescription, isByteLevel: Bool) -> TokenIndex {
    var words = TokenIndex(minimumCapacity: model.vocabulary.count)
    for token in model.vocabulary {
      let bytes =
        isByteLevel ? ByteLevelAlphabet.bytes(ofSpelling: token.content) : token.content
      if let bytes { words.insert(bytes, id: token.id) }
    }
    return words
  }
}
