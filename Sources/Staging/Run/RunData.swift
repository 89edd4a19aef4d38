// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Text
import Training
import Wording

/// Finds the tokens that a run trains on: those of a prepared directory, or of the recipe's texts,
/// which are prepared once and kept in the run.
struct RunData {
  let run: TrainingRun
  let observer: RunObserver

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
    if let kept {
      let areThose = try texts.areThose(of: kept.lastPathComponent, run)
      guard areThose || run.directory.hasBegun else {
        try removeUnused(kept)
        return try openTexts(training, validation)
      }
      if !areThose {
        observer.note(
          "The recipe's texts or tokenizer changed since the run began; it goes on with the "
            + "tokens it has, in \(kept.path(percentEncoded: false))")
      }
      return try TokenDataset.open(kept)
    }
    let madeFolder = !RunDirectory.exists(run.directory.data)
    let directory = try vacantDirectory("\(texts.contents(for: run))-\(texts.marks(for: run))")
    try prepare(texts, to: directory)
    let dataset = try TokenDataset.open(directory)
    try checkAreThoseOfTheRun(dataset, madeFolder: madeFolder)
    return dataset
  }

  /// Removes tokens of other texts, which an earlier recipe of a run that has not begun made of them.
  private func removeUnused(_ tokens: URL) throws {
    do { try FileManager.default.removeItem(at: tokens) } catch {
      throw StagingError(
        .unwritableFile, "cannot be removed: \(reason(of: error))",
        subject: tokens.path(percentEncoded: false))
    }
    observer.note(
      "The recipe's texts or tokenizer are others than at the last attempt; their tokens are made anew"
    )
  }

  /// A directory for tokens; what a killed program or a lost file left of others stays beside it.
  private func vacantDirectory(_ name: String) -> URL {
    let data = run.directory.data
    let names = Set(RunDirectory.names(in: data))
    let free = (2...).lazy.map { "\(name)-\($0)" }.first { !names.contains($0) } ?? name
    return data.appending(path: names.contains(name) ? free : name, directoryHint: .isDirectory)
  }

  /// Checks tokens that were made again against the run's newest checkpoint, and takes them away where
  /// they are others: the next session must not find them.
  ///
  /// - Parameter madeFolder: whether their folder is of this session, too.
  /// - Throws: ``StagingError`` of code `dataUnavailable`.
  private func checkAreThoseOfTheRun(_ dataset: TokenDataset, madeFolder: Bool) throws {
    guard let item = try CheckpointStore(run.directory.checkpoints).list().last,
      let status = try? TrainingState.status(in: item.url),
      !status.cursor.belongs(to: dataset.train)
    else { return }
    try FileManager.default.removeItem(at: dataset.url)
    if madeFolder { rmdir(run.directory.data.path(percentEncoded: false)) }
    throw StagingError(
      .dataUnavailable,
      "the run's tokens are gone, and the recipe's texts or tokenizer give others than those that it was "
        + "trained on; put the texts back as they were, or the tokens",
      subject: run.directory.data.path(percentEncoded: false))
  }

  private func prepare(_ texts: Texts, to directory: URL) throws {
    let tokenizer = try makeTokenizer(texts)
    var configuration = CorpusPreparation.Configuration(
      inputs: texts.training, validation: texts.validation, seed: run.recipe.training.seed)
    if let threads = run.threads { configuration.threadCount = threads }
    let summary = try CorpusPreparation(configuration).run(tokenizer: tokenizer, to: directory) {
      try tell(.encoding, $0.bytesRead, of: $0.totalBytes)
    }
    for remark in texts.remarks + summary.remarks { observer.note(remark) }
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
      if let remark = training.remark(on: tokenizer) { observer.note(remark) }
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
    if observer.isInterrupted() { throw CancellationError() }
    let share = total.flatMap { $0 > 0 ? min(1, Double(done) / Double($0)) : nil }
    observer.hear(.preparing(stage, share: share))
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

    /// Whether these are the texts that a run's kept tokens were made of, by the name of their
    /// directory.
    ///
    /// Only where names, sizes or dates of files differ are the texts read.
    func areThose(of name: String, _ run: TrainingRun) throws -> Bool {
      let parts = name.split(separator: "-").map(String.init)
      // Tokens that somebody put there: whether they are the run's, their identity tells.
      guard let first = parts.first, first.wholeMatch(of: /[0-9a-f]{16}/) != nil else {
        return true
      }
      // Older runs know the marks alone.
      if try marks(for: run) == (parts.count > 1 ? parts[1] : first) { return true }
      return try parts.count > 1 && contents(for: run) == first
    }

    /// A hash of what the tokens depend on: the files' contents, the tokenizer, the choice of validation
    /// documents.
    func contents(for run: TrainingRun) throws -> String {
      try key(for: run, version: 2) { inputs in
        let files = inputs.map { input -> URL? in
          guard case .file(let url) = input.location, input.canBeReadAgain else { return nil }
          return url
        }
        var digests = FileDigest.ofAll(files.compactMap { $0 })[...]
        return try zip(inputs, files).map { input, file in
          file == nil ? input.name : try "\(input.format) \(digests.removeFirst().get().sha256)"
        }
      }
    }

    /// A hash by which the same files are known without being read: their names, sizes and dates.
    func marks(for run: TrainingRun) throws -> String {
      try key(for: run, version: 1) { try $0.map(Self.describe) }
    }

    private func key(
      for run: TrainingRun, version: Int, _ describe: ([CorpusInput]) throws -> [String]
    ) throws -> String {
      var parts = ["tokens \(version)", "seed \(run.recipe.training.seed)"]
      parts += try describe(training).map { "train \($0)" }
      switch validation {
      case .none: break
      case .fraction(let share): parts.append("fraction \(share)")
      case .inputs(let inputs): parts += try describe(inputs).map { "validation \($0)" }
      }
      switch run.recipe.tokenizer {
      case .bytePairs(let vocabularySize): parts.append("tokenizer bpe \(vocabularySize)")
      case .bytes: parts.append("tokenizer bytes")
      case .file(let url):
        let input = CorpusInput(.file(url), format: .text)
        parts.append("tokenizer file \(try describe([input]).joined())")
      case nil: parts.append("tokenizer checkpoint")
      }
      let digest = FileDigest(of: Data(parts.joined(separator: "\n").utf8))
      return String(digest.sha256.prefix(16))
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
