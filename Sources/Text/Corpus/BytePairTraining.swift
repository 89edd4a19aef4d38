// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Trains a byte-level BPE on the inputs of a corpus, read as ``CorpusPreparation`` reads them.
public struct BytePairTraining: Sendable {
  /// Tokens wanted, those of bytes and the end of text among them; fewer where the text has no
  /// more pairs.
  public var vocabularySize: Int
  /// What to do with lines that cannot be read.
  public var badLines = CorpusPreparation.BadLines.fail
  /// Threads that count words; nil for one a core.
  ///
  /// The result does not depend on it.
  public var threadCount: Int?

  /// Trains vocabularies of a size.
  public init(vocabularySize: Int) {
    self.vocabularySize = vocabularySize
  }

  /// Reads the inputs once and trains.
  ///
  /// - Parameters:
  ///   - inputs: Files; not standard input or a pipe, which cannot be read again to be encoded.
  ///   - progress: Called with the bytes read and, where known, their total, every so often while
  ///     text is read and while pairs are merged; what it throws ends the work.
  /// - Throws: ``TextError`` that names the file or line, and what `progress` throws.
  public func run(
    _ inputs: [CorpusInput], progress: (Int, Int?) throws -> Void = { _, _ in }
  ) throws -> BPETokenizer {
    if let once = inputs.first(where: { !$0.canBeReadAgain }) {
      throw TextError(
        .unreadableInput,
        "can be read only once, but a tokenizer is trained before the text is encoded; save it to "
          + "a file first, or give a tokenizer", subject: once.name)
    }
    var trainer = BPETrainer(.init(vocabularySize: vocabularySize, threadCount: threadCount))
    let total = CorpusInput.totalByteCount(of: inputs)
    var bytesRead = 0
    try CorpusInput.forEachText(
      in: inputs, badLines: badLines,
      progress: {
        bytesRead = $0
        try progress($0, total)
      }
    ) { trainer.add($0) }
    return try trainer.train { _ in try progress(bytesRead, total) }
  }
}
