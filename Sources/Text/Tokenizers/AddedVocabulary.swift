// SPDX-License-Identifier: Apache-2.0

/// Gives added tokens their ids as the library `tokenizers` does: those of the model's vocabulary
/// keep theirs, all others are numbered after it in the order in which they are added, whatever
/// their file says.
struct AddedVocabulary {
  private let model: TokenIndex
  /// Tokens of the model; with holes among its ids fewer than its largest id says.
  private let modelCount: Int
  /// Tokens in the order of their last addition; nil where one was added again.
  private var entries: [AddedToken?] = []
  private var places: [[UInt8]: Int] = [:]
  private var largest: Int32 = -1

  /// Makes a vocabulary without added tokens.
  init(_ model: ModelDescription, subject: String) throws(TextError) {
    self.model = try model.index(subject: subject)
    modelCount = model.vocabulary.count
  }

  /// Adds tokens in their order; one that is there takes the new properties.
  ///
  /// Empty ones count for nothing, and the ids that the tokens bring are not looked at.
  mutating func add(_ tokens: [AddedToken]) {
    // As in the reference the numbers of one call do not step over ids of the model.
    var next = nextID
    for var token in tokens where !token.content.utf8.isEmpty {
      let content = Array(token.content.utf8)
      if let place = places[content], let known = entries[place] {
        token.id = known.id
        entries[place] = nil
      } else if let id = model.id(of: content) {
        token.id = id
      } else {
        token.id = next
        next += 1
      }
      places[content] = entries.count
      entries.append(token)
      largest = max(largest, token.id)
    }
  }

  private var nextID: Int32 {
    let count = Int32(clamping: modelCount)
    return largest >= count || (modelCount == 0 && largest >= 0) ? largest + 1 : count
  }

  /// All tokens by id; of those that share an id the last added comes last.
  var tokens: [AddedToken] {
    entries.compactMap { $0 }.enumerated()
      .sorted { ($0.element.id, $0.offset) < ($1.element.id, $1.offset) }.map(\.element)
  }
}
