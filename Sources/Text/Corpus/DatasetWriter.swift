// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation

/// Sends encoded documents, in order, to the split they belong to.
package final class DatasetWriter {
  private let validation: CorpusPreparation.Validation
  private let seed: UInt64
  private let train: SplitWriter
  private let held: SplitWriter
  private var choice: ValidationChoice?
  /// Where the document goes that has begun and not ended.
  private var open: SplitWriter?
  /// Whether documents now come from validation files.
  package var readsValidationInputs = false
  package private(set) var documentCount = 0

  package init(
    directory: URL, tokenType: TokenType, endOfText: Int32,
    configuration: CorpusPreparation.Configuration
  ) {
    validation = configuration.validation
    seed = configuration.seed
    func writer(_ name: String) -> SplitWriter {
      SplitWriter(
        directory: directory, name: name, tokenType: tokenType, endOfText: endOfText,
        tokensPerShard: configuration.tokensPerShard)
    }
    train = writer("train")
    held = writer("validation")
    if case .fraction(let fraction) = validation {
      choice = ValidationChoice(fraction: fraction, seed: seed, inputs: configuration.inputs)
    }
  }

  /// Tokens written so far.
  package var tokenCount: Int { train.tokenCount + held.tokenCount }

  /// Writes the documents, or parts of them, of one piece.
  package func append(_ piece: EncodedPiece) throws {
    var sizes = piece.documentSizes[...]
    try piece.bytes.withUnsafeBytes { bytes in
      var start = 0
      for end in piece.documentEnds {
        try writer(&sizes).append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        start = end
        open = nil
        documentCount += 1
      }
      if start < bytes.count {
        let writer = writer(&sizes)
        try writer.append(UnsafeRawBufferPointer(rebasing: bytes[start...]))
        open = writer
      }
    }
  }

  /// Ends all files and describes them.
  ///
  /// - Throws: ``TextError`` of code `insufficientTokens` where a split would have no tokens.
  package func finish() throws -> (
    validation: CorpusManifest.Validation, splits: [String: CorpusManifest.Split]
  ) {
    var rule = CorpusManifest.Validation.Rule.none
    var share: Double?
    switch validation {
    case .none: break
    case .inputs: rule = .files
    case .fraction(let fraction):
      rule = .documents
      share = fraction
      if isFarBelow(fraction) {
        rule = .position
        try cutByPosition(fraction)
      }
    }
    var splits = ["train": try train.finish()]
    if rule != .none { splits["validation"] = try held.finish() }
    for (name, split) in splits where split.tokenCount == 0 {
      throw TextError(
        .insufficientTokens, "has no tokens, since no document has text; give other text",
        subject: "split \(name)")
    }
    return (CorpusManifest.Validation(rule: rule, fraction: share, seed: seed), splits)
  }

  /// Gives the last `fraction` of all tokens to validation, at least one to each split.
  private func cutByPosition(_ fraction: Double) throws {
    let total = tokenCount
    guard total >= 2 else {
      throw TextError(
        .insufficientTokens,
        total == 0
          ? "no document has text; give other text"
          : "\(total) token cannot be split in two; give more text", subject: "input")
    }
    // What was chosen goes back, behind the other text.
    try held.moveTail(held.tokenCount, to: train)
    let count = Int(bounding: (Double(total) * fraction).rounded())
    try train.moveTail(min(max(count, 1), total - 1), to: held)
  }

  /// Whether documents cannot make up the share: all fell to one side, or the others are too large.
  private func isFarBelow(_ fraction: Double) -> Bool {
    train.tokenCount == 0 || Double(held.tokenCount) < fraction / 2 * Double(tokenCount)
  }

  /// Where a document goes: the one that goes on, or the next.
  private func writer(_ sizes: inout ArraySlice<DocumentSize>) -> SplitWriter {
    if let open { return open }
    let size = sizes.popFirst() ?? DocumentSize(byteCount: nil, isLine: false)
    if readsValidationInputs { return held }
    return choice?.takesNext(size) ?? false ? held : train
  }
}
