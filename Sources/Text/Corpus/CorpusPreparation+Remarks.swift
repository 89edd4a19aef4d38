// SPDX-License-Identifier: Apache-2.0

extension CorpusPreparation.Summary {
  /// Fewer tokens measure a loss only roughly.
  private static let leastValidationTokens = 10_000

  init(
    _ manifest: CorpusManifest, _ counts: CorpusPreparation.Counts, keepsInvalidUTF8: Bool
  ) {
    let flaws = counts.flaws
    self.init(
      manifest: manifest, emptyDocumentCount: counts.emptyDocumentCount,
      badLineCount: flaws.badLines.values.reduce(0, +),
      badLines: Dictionary(uniqueKeysWithValues: flaws.badLines.map { ($0.key.name, $0.value) }),
      replacedSurrogateCount: flaws.replacedSurrogateCount, invalidUTF8: flaws.invalidUTF8)
    remarks = [
      emptyRemark, badLinesRemark, surrogatesRemark, invalidRemark(areKept: keepsInvalidUTF8),
    ].compactMap { $0 }
  }

  private var emptyRemark: String? {
    guard emptyDocumentCount > 0 else { return nil }
    return "Left out \(Self.count(emptyDocumentCount, "document")) without text."
  }

  private var badLinesRemark: String? {
    guard badLineCount > 0 else { return nil }
    let reasons = badLines.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    return "Passed over \(Self.count(badLineCount, "bad line")): \(reasons)."
  }

  private var surrogatesRemark: String? {
    guard replacedSurrogateCount > 0 else { return nil }
    return
      "\(Self.count(replacedSurrogateCount, "surrogate")) stood alone in JSON and became U+FFFD."
  }

  private func invalidRemark(areKept: Bool) -> String? {
    guard let invalidUTF8 else { return nil }
    let fate = areKept ? "kept as bytes" : "read as U+FFFD"
    return "\(Self.count(invalidUTF8.count, "sequence")) of bytes not UTF-8, \(fate); the first in "
      + "\(invalidUTF8.file) at byte \(invalidUTF8.offset + 1). Where the text is in another "
      + "encoding, convert it (iconv -f … -t UTF-8)."
  }

  /// What a user should know of the validation part, in sentences.
  public var validationRemarks: [String] { [positionRemark, validationRemark].compactMap { $0 } }

  private var positionRemark: String? {
    guard manifest.validation.rule == .position else { return nil }
    return "Too few documents to share out; validation is the end of the text."
  }

  private var validationRemark: String? {
    guard let held = manifest.splits["validation"]?.tokenCount else { return nil }
    let all = manifest.splits.values.reduce(0) { $0 + $1.tokenCount }
    let share = Double(held) / Double(max(all, 1))
    let remedy = "give more with --validation-fraction, or files of their own with --validation"
    if let fraction = manifest.validation.fraction, share < fraction / 2 || share > fraction * 2 {
      return
        "Validation is \(Self.percent(share)) of the tokens, not \(Self.percent(fraction)), since "
        + "documents stay whole; \(remedy)."
    }
    guard held < Self.leastValidationTokens else { return nil }
    return "Validation of \(Self.count(held, "token")) measures a loss only roughly; \(remedy)."
  }

  private static func count(_ number: Int, _ name: String) -> String {
    "\(number) \(name)\(number == 1 ? "" : "s")"
  }

  private static func percent(_ share: Double) -> String {
    "\((share * 1000).rounded() / 10) %"
  }
}

extension BytePairTraining {
  /// What a user should know where the text did not give as many tokens as were wanted; nil where it
  /// did.
  public func remark(on tokenizer: some Tokenizer) -> String? {
    let found = tokenizer.vocabularySize
    guard found < vocabularySize else { return nil }
    return
      "The text fills only \(found) of the \(vocabularySize) tokens wanted: no further pair occurs "
      + "twice. The vocabulary has \(found); give more text, or want fewer."
  }
}
