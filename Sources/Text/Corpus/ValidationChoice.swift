// SPDX-License-Identifier: Apache-2.0

/// What is known of a document before it is read.
package struct DocumentSize: Sendable, Hashable {
  /// Bytes of its file or its line of JSON; nil where that is not known, as for standard input.
  package var byteCount: Int?
  /// Whether it is a line of JSON.
  package var isLine: Bool
}

/// Chooses whole documents for validation while they come, so that they are the wanted share of the
/// text and not of the number of documents.
///
/// This is selection sampling (Fan, Muller, Rezucha, 1962; Knuth, *The Art of Computer Programming*
/// 2, section 3.4.2) by bytes: a document is taken with the probability *wanted / to come*, so that the
/// share is met in the end, and where documents are small each byte is as likely as any other. A
/// document of more than one and a half times what is still wanted is never taken. The choice follows
/// from the seed, the documents' numbers and their sizes.
///
/// How much is to come is told by the sizes of the inputs. Where one is not known, the share of what
/// has come so far is kept near the wanted one.
struct ValidationChoice {
  private static let largestExcess = 1.5

  private let fraction: Double
  private let seed: UInt64
  /// Bytes of all inputs; nil where that is not known.
  private let byteCount: Double?
  /// Bytes to come of documents that are not too large to be taken.
  private var choosableByteCount = 0.0
  private var decidedByteCount = 0.0
  private var takenByteCount = 0.0
  private var documentIndex: UInt64 = 0

  init(fraction: Double, seed: UInt64, inputs: [CorpusInput]) {
    self.fraction = fraction
    self.seed = seed
    let sizes = inputs.map(\.expectedByteCount)
    byteCount = sizes.contains(nil) ? nil : sizes.reduce(0) { $0 + Double($1 ?? 0) }
    for (input, size) in zip(inputs, sizes) {
      let size = DocumentSize(byteCount: size, isLine: input.format == .jsonLines)
      if isChoosable(size) { choosableByteCount += Double(size.byteCount ?? 0) }
    }
  }

  /// Whether the next document is for validation.
  mutating func takesNext(_ size: DocumentSize) -> Bool {
    defer { documentIndex += 1 }
    guard let bytes = size.byteCount.map(Double.init) else { return false }
    let toCome = max(byteCount ?? 0, decidedByteCount + bytes)
    let wanted = fraction * toCome - takenByteCount
    let chance =
      byteCount == nil
      ? fraction + wanted / (decidedByteCount / 8 + bytes) : wanted / max(choosableByteCount, bytes)
    let isTaken =
      bytes <= Self.largestExcess * wanted
      && SeededHash.unitValue(seed: seed, index: documentIndex) < chance
    decidedByteCount += bytes
    if isChoosable(size) { choosableByteCount -= bytes }
    if isTaken { takenByteCount += bytes }
    return isTaken
  }

  /// Of lines no size is known beforehand, so all count.
  private func isChoosable(_ size: DocumentSize) -> Bool {
    guard let bytes = size.byteCount, let byteCount else { return false }
    return size.isLine || Double(bytes) <= Self.largestExcess * fraction * byteCount
  }
}
