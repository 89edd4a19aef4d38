// SPDX-License-Identifier: Apache-2.0

/// All tokens of a tokenizer, the model's and the added ones.
struct TokenVocabulary {
  /// Spelling of each id, empty for ids without a token.
  private(set) var contents: [[UInt8]] = []
  /// Whether each id is an added token.
  private(set) var isAdded: [Bool] = []
  private(set) var index: TokenIndex

  /// Names of the token that ends a text, the likeliest first.
  static let endNames = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>"]
  /// Names of the token that begins a text, the likeliest first.
  static let beginningNames = ["<|begin_of_text|>", "<s>", "<bos>"]

  /// Joins the tokens; an added token of the vocabulary must have the same id there.
  init(_ description: TokenizerDescription, subject: String) throws(TextError) {
    index = try description.model.index(subject: subject)
    var all = description.model.vocabulary
    for token in description.addedTokens {
      let content = Array(token.content.utf8)
      let known = index.id(of: content)
      if known == nil {
        all.append(.init(content: content, id: token.id))
        index.insert(content, id: token.id)
      } else if known != token.id {
        throw TextError(
          .invalidTokenizer,
          "added token '\(token.content)' has id \(token.id), but \(known ?? -1) elsewhere in the "
            + "file; expected one id",
          subject: subject)
      }
    }
    all = try ModelDescription.checked(all, subject: subject)
    let count = Int(all.last?.id ?? -1) + 1
    contents = Array(repeating: [], count: count)
    isAdded = Array(repeating: false, count: count)
    for token in all { contents[Int(token.id)] = token.content }
    for token in description.addedTokens { isAdded[Int(token.id)] = true }
  }

  /// The id of the first of the names that the vocabulary knows.
  func firstID(of names: [String]) -> Int32? {
    names.lazy.compactMap { index.id(of: $0) }.first
  }
}
