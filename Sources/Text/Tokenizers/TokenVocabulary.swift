// SPDX-License-Identifier: Apache-2.0

/// All tokens of a tokenizer, the model's and the added ones.
struct TokenVocabulary {
  /// Spelling of each id of the model, empty for ids without a token.
  let modelContents: [[UInt8]]
  /// Spelling of each id, empty for ids without a token; an added token hides one of the model.
  let contents: [[UInt8]]
  /// Whether each id is an added token.
  let isAdded: [Bool]
  /// The added tokens that are found in texts, by id: the last of those that share one.
  let addedTokens: [AddedToken]
  /// From spelling to id.
  let index: TokenIndex

  /// Names of the token that ends a text, the likeliest first.
  static let endNames = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>"]
  /// Names of the token that begins a text, the likeliest first.
  static let beginningNames = ["<|begin_of_text|>", "<s>", "<bos>"]

  /// Joins the tokens.
  init(_ description: TokenizerDescription, subject: String) throws(TextError) {
    let model = description.model.vocabulary
    let added = description.addedTokens
    let modelCount = Int(model.last?.id ?? -1) + 1
    let count = max(modelCount, Int(added.last?.id ?? -1) + 1)
    var contents = [[UInt8]](repeating: [], count: count)
    for token in model { contents[Int(token.id)] = token.content }
    modelContents = contents
    var index = try description.model.index(subject: subject)
    var isAdded = [Bool](repeating: false, count: count)
    for token in added {
      let content = Array(token.content.utf8)
      index.insert(content, id: token.id)
      contents[Int(token.id)] = content
      isAdded[Int(token.id)] = true
    }
    addedTokens = added.enumerated().filter { place, token in
      place + 1 == added.count || added[place + 1].id != token.id
    }.map(\.element)
    (self.contents, self.isAdded, self.index) = (contents, isAdded, index)
  }

  /// The id of the first of the names that the vocabulary knows.
  func firstID(of names: [String]) -> Int32? {
    names.lazy.compactMap { index.id(of: $0) }.first
  }
}
