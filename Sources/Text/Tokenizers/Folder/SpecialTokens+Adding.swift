// SPDX-License-Identifier: Apache-2.0

extension SpecialTokens.Value {
  /// Whether both are spelled in the same way and mean the same.
  func isSame(as other: Self) -> Bool {
    switch (self, other) {
    case (.text(let one), .text(let other)): one.utf8.elementsEqual(other.utf8)
    case (.token(let one), .token(let other)): one.token().isSameToken(as: other.token())
    default: false
    }
  }
}

extension SpecialTokens {
  /// Adds the tokens that a tokenizer does not have yet, or has in another form.
  func add(
    to description: inout TokenizerDescription, _ kind: TokenizerClass, subject: String
  ) throws(TextError) {
    // Classes that make their tokenizer anew know only the tokens that the list names.
    let present = kind == .file ? description.addedTokens : []
    let missing = missing(from: present)
    let addsSpecialAgain = kind == .qwen2 || kind == .cohere
    let special =
      addsSpecialAgain ? self.special.map { AddedTokenForm($0, isSpecial: true).token() } : []
    guard kind != .file || !missing.isEmpty else { return }
    var vocabulary = try AddedVocabulary(description.model, subject: subject)
    for tokens in [present, missing, special] { vocabulary.add(tokens) }
    description.addedTokens = vocabulary.tokens
    var again = try AddedVocabulary(description.model, subject: subject)
    again.add(vocabulary.tokens)
    guard zip(again.tokens, vocabulary.tokens).allSatisfy({ $0.id == $1.id }) else {
      throw TextError(
        .unsupportedTokenizer,
        "has holes among the ids of model.vocab, so that the tokens that the files beside it add get "
          + "ids that no tokenizer.json can give them; number model.vocab without holes",
        subject: subject)
    }
  }

  /// Tokens to add, in their order.
  private func missing(from present: [AddedToken]) -> [AddedToken] {
    var known: [[UInt8]: AddedToken] = [:]
    for token in present { known[Array(token.content.utf8)] = token }
    var values: [Value] = []
    for (_, form) in listed
    where known[Array(form.content.utf8)]?.isSameToken(as: form.token()) != true {
      values.append(.token(form))
    }
    let contents = Set(known.keys).union(values.map { Array($0.content.utf8) })
    var named: [[UInt8]: [Value]] = [:]
    for value in withRoles + extra {
      let content = Array(value.content.utf8)
      guard !contents.contains(content),
        !named[content, default: []].contains(where: { $0.isSame(as: value) })
      else { continue }
      named[content, default: []].append(value)
      values.append(value)
    }
    let roles = Set(withRoles.map { Array($0.content.utf8) })
    return values.map { value in
      var form: AddedTokenForm
      switch value {
      case .text(let content): form = AddedTokenForm(content, isSpecial: true)
      case .token(let token): form = token
      }
      if roles.contains(Array(form.content.utf8)) { form.isSpecial = true }
      return form.token()
    }
  }

  /// The tokens of all roles, in the reference's order.
  private var withRoles: [Value] {
    Self.roles.compactMap { named[$0] ?? nil } + specific.map(\.value)
  }

  /// All special tokens, each once.
  private var special: [String] {
    var seen: Set<[UInt8]> = []
    return (withRoles + extra).map(\.content).filter { seen.insert(Array($0.utf8)).inserted }
  }
}
