// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Text
import Wording

/// Finds the tokens that a run trains on: those of a prepared directory, or of the recipe's texts,
/// which are prepared once and kept in the run.
struct RunData {
  let run: TrainingRun
  let observer: @Sendable (TrainingRunEvent) -> Void
  let isInterrupted: () -> Bool

  /// Opens the tokens, after making them where they are not yet.
  ///
  /// - Throws: ``StagingError``, `TextError`, and `CancellationError` where the user interrupts.
  func open() throws -> TokenDataset {
    switch run.recipe.data.source {
    case .prepared(let url):
      return try TokenDataset.open(url)
    case .texts(let training, let validation):
      return try openTexts(training, validation)
    }
  }

  private func openTexts(
    _ training: [URL], _ validation: DataRecipe.Validation
  ) throws -> TokenDataset {
    let kept = run.directory.keptTokens
    let texts: Texts
    do {
      texts = try Texts(training, validation)
    } catch  where kept != nil {
      // The texts are gone, but the run has its tokens.
      return try TokenDataset.open(kept ?? run.directory.data)
    }
    let directory = run.directory.data.appending(
      path: try texts.fingerprint(for: run), directoryHint: .isDirectory)
    if let kept {
      if kept.lastPathComponent != directory.lastPathComponent {
        observer(
          .note(
            "The recipe's texts or tokenizer changed since the run began; it goes on with the "
              + "tokens it has, in \(kept.path(percentEncoded: false))"))
      }
      return try TokenDataset.open(kept)
    }
    try prepare(texts, to: directory)
    return try TokenDataset.open(directory)
  }

  private func prepare(_ texts: Texts, to directory: URL) throws {
    let tokenizer = try makeTokenizer(texts)
    var configuration = CorpusPreparation.Configuration(
      inputs: texts.training, validation: texts.validation, seed: run.recipe.training.seed)
    if let threads = run.threads { configuration.threadCount = threads }
    let summary = try CorpusPreparation(configuration).run(tokenizer: tokenizer, to: directory) {
      try tell(.encoding, $0.bytesRead, of: $0.totalBytes)
    }
    for remark in texts.remarks + summary.remarks { observer(.note(remark)) }
  }

  private func makeTokenizer(_ texts: Texts) throws -> any Tokenizer {
    switch run.recipe.tokenizer {
    case .bytes: return ByteTokenizer()
    case .file(let url): return try TokenizerLoader.load(from: url)
    case .bytePairs(let vocabularySize):
      var training = BytePairTraining(vocabularySize: vocabularySize)
      training.threadCount = run.threads
      let tokenizer = try training.run(texts.training) {
        try tell(.trainingTokenizer, $0, of: $1)
      }
      if let remark = training.remark(on: tokenizer) { observer(.note(remark)) }
      return tokenizer
    case nil:
      guard let checkpoint = run.manifest.startedFrom else {
        throw StagingError(
          .missingKey, "this key is missing; expected kind: bpe, file or bytes",
          subject: "\(run.recipeFile.name): tokenizer")
      }
      return try TokenizerLoader.load(from: URL(filePath: checkpoint))
    }
  }

  /// Tells of progress, and stops where the user interrupts.
  private func tell(_ stage: PreparationStage, _ done: Int, of total: Int?) throws {
    if isInterrupted() { throw CancellationError() }
    let share = total.flatMap { $0 > 0 ? min(1, Double(done) / Double($0)) : nil }
    observer(.preparing(stage, share: share))
  }

  /// The recipe's texts, found.
  private struct Texts {
    var training: [CorpusInput]
    var validation: CorpusPreparation.Validation
    /// What folders gave and what was passed over in them.
    var remarks: [String] = []

    init(_ training: [URL], _ validation: DataRecipe.Validation) throws {
      func find(_ urls: [URL]) throws -> [CorpusInput] {
        try CorpusInput.find(urls.map { $0.path(percentEncoded: false) })
      }
      let search = try CorpusSearch(training.map { $0.path(percentEncoded: false) })
      self.training = search.inputs
      remarks = search.remarks
      self.validation =
        switch validation {
        case .none: .none
        case .fraction(let share): .fraction(share)
        case .files(let urls): .inputs(try find(urls))
        }
      if case .inputs(let inputs) = self.validation {
        let (kept, remark) = try CorpusInput.leaving(self.training, without: inputs)
        self.training = kept
        if let remark { remarks.append(remark) }
      }
    }

    /// A hash of what the tokens depend on: the files' names, sizes and dates, the tokenizer, the
    /// choice of validation documents.
    func fingerprint(for run: TrainingRun) throws -> String {
      var parts = ["tokens 1", "seed \(run.recipe.training.seed)"]
      parts += try training.map { try "train \(Self.describe($0))" }
      switch validation {
      case .none: break
      case .fraction(let share): parts.append("fraction \(share)")
      case .inputs(let inputs): parts += try inputs.map { try "validation \(Self.describe($0))" }
      }
      parts.append("tokenizer \(try Self.describe(run.recipe.tokenizer))")
      let digest = FileDigest(of: Data(parts.joined(separator: "\n").utf8))
      return String(digest.sha256.prefix(16))
    }

    private static func describe(_ tokenizer: TokenizerRecipe?) throws -> String {
      switch tokenizer {
      case .bytePairs(let vocabularySize): "bpe \(vocabularySize)"
      case .bytes: "bytes"
      case .file(let url): "file \(try describe(url))"
      case nil: "checkpoint"
      }
    }

    private static func describe(_ input: CorpusInput) throws -> String {
      guard case .file(let url) = input.location else { return input.name }
      return try describe(url)
    }

    /// Path, size and date.
    private static func describe(_ url: URL) throws -> String {
      let path = url.path(percentEncoded: false)
      let attributes: [FileAttributeKey: Any]
      do { attributes = try FileManager.default.attributesOfItem(atPath: path) } catch {
        throw StagingError(
          .dataUnavailable, "cannot be read: \(reason(of: error))", subject: path)
      }
      let date = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
      return "\(path) \(attributes[.size] ?? 0) \(date)"
    }
  }
}
