// SPDX-License-Identifier: Apache-2.0
import Architectures
import OrderedJSON
import Tensors
import Training
import Wording

extension MergeRecipe {
  /// Checks that what the recipe says of types and tokenizer can be done with a model's files.
  ///
  /// - Throws: ``GrowthError`` of code `unsupported` where weights would be rounded twice, or the
  ///   tokenizer has another number of tokens than the model; `unreadableSource` for a tokenizer that
  ///   is missing or damaged.
  public func check(against source: GrowthSource) throws {
    try checkRounding(source)
    if fitsTokenizer { try checkTokenizer(source) }
  }

  /// Products are rounded once, to the type that is written.
  private func checkRounding(_ source: GrowthSource) throws {
    guard multiplies, let outputType else { return }
    let tensors = source.directory.tensors
    let own = source.directory.tensorNames.compactMap { tensors.entry(named: $0)?.dtype }
    for type in type.map({ [$0] }) ?? own where type.isHalfPrecision {
      try GrowthError.check(
        type == outputType, .unsupported, subject: "out_dtype",
        "weights of \(type.rawValue) would be multiplied and rounded, and rounded again to "
          + "\(outputType.rawValue); give dtype: float32, so that they are rounded once")
    }
  }

  /// mergekit leaves one row of the embedding for each token.
  private func checkTokenizer(_ source: GrowthSource) throws {
    guard let data = try source.directory.tokenizerJSON() else {
      throw GrowthError(
        .unreadableSource,
        "holds no tokenizer.json, which tokenizer_source asks for; leave tokenizer_source out of the "
          + "recipe", subject: source.url.path(percentEncoded: false))
    }
    let count = try Self.tokenCount(of: [UInt8](data))
    let rows = source.model.vocabularySize
    try GrowthError.check(
      count == rows, .unsupported, subject: "tokenizer_source",
      "asks for as many embeddings as the tokenizer has tokens, \(count), and the model has "
        + "\(rows); leave tokenizer_source out of the recipe: the tokenizer comes along as it is, and "
        + "so do all embeddings")
  }

  /// The tokens of a `tokenizer.json`, added ones included.
  private static func tokenCount(of json: [UInt8]) throws -> Int {
    let value: JSONValue
    do { value = try JSONValue(parsing: json) } catch {
      throw GrowthError(
        .unreadableSource, reason(of: error), subject: TrainingStateFiles.tokenizer)
    }
    var tokens: Set<String> = []
    switch value["model"]?["vocab"] {
    case .object(let vocabulary): tokens = Set(vocabulary.members.map(\.key))
    // Pieces with their scores.
    case .array(let pieces):
      for case .array(let piece) in pieces { piece.first?.text.map { _ = tokens.insert($0) } }
    default: break
    }
    if case .array(let added) = value["added_tokens"] {
      tokens.formUnion(added.compactMap { $0["content"]?.text })
    }
    return tokens.count
  }
}
