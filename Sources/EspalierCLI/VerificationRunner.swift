// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// Does what the options of `espalier verify` ask for.
struct VerificationRunner {
  let options: VerifyCommand

  /// Measures.
  ///
  /// - Parameters:
  ///   - note: called with what the user should know beforehand.
  ///   - progress: called with the part of the work, what is done and what there is to do.
  func run(
    note: (String) -> Void, _ progress: @escaping (String, Int, Int) throws -> Void
  ) throws -> VerificationReport {
    try refusePart(of: URL(filePath: options.grown))
    let families = try options.family.map {
      [try FamilyFile(contentsOf: URL(filePath: $0)).family]
    }
    let bundles = try [options.small, options.grown].map { path in
      // Only the text needs a tokenizer, and the grown model's may be another by now.
      try ModelBundle(
        reading: URL(filePath: path), tokenizer: options.tokenizer.map { URL(filePath: $0) },
        families: families ?? [], ignoring: options.modelOptions.ignoredTensors)
    }
    bundles.forEach { ModelOptions.tell($0.directory) }
    let receipt = try Self.receipt(bundles[1].directory.url)
    let choice = StreamingChoice(
      isAsked: options.streaming,
      parameterCount: bundles.reduce(0) { $0 + $1.directory.parameterCount })
    choice.note.map(note)
    if choice.streams { return try streamed(bundles, receipt, progress) }
    let states = try bundles.map { try Self.state($0.directory) }
    var verification = GrowthVerification(
      small: states[0].model, grown: states[1].model, plans: receipt?.plans,
      options: receipt?.options ?? GrowthOptions(),
      training: MeasuredTraining(
        optimizer: states[1].optimizer, learningRate: options.learningRate), seed: options.seed)
    verification.rounding = try FileRounding(
      small: bundles[0].directory, grown: bundles[1].directory, plans: receipt?.plans)
    verification.symmetrySteps = options.steps
    verification.exactScope = options.float64
    // Eleven batches show ten steps.
    verification.batches = try batches(bundles[0], count: 11)
    verification.exactBatches = verification.batches
    verification.liveBatches = TokenBatch.random(
      count: 2, for: states[1].model.configuration, sequences: options.sequences,
      length: max(2, options.tokens), seed: options.seed &+ 1)
    try verification.limitExactWork(toOperations: options.exactOperations ?? 3e10)
    return try verification.report(
      engine: CPUTrainingEngine(threads: options.engineOptions.threads)
    ) { try progress($0.part, $0.done, $0.total) }
  }

  /// Measures what two forward passes over the files tell.
  private func streamed(
    _ bundles: [ModelBundle], _ receipt: GrowthReceipt?,
    _ progress: @escaping (String, Int, Int) throws -> Void
  ) throws -> VerificationReport {
    let batch = try batches(bundles[0], count: 1)[0]
    var verification = StreamingVerification(
      small: bundles[0].directory, grown: bundles[1].directory, plans: receipt?.plans,
      options: receipt?.options ?? GrowthOptions(), batch: batch)
    if let operations = options.exactOperations { verification.exactOperations = operations }
    if options.float64 == .none { verification.exactOperations = 0 }
    return try verification.report(threads: options.engineOptions.threads) {
      try progress("streaming", $0.done, $0.total)
    }
  }

  /// A model with its moments, where the directory holds a training state.
  private static func state(
    _ directory: ModelDirectory
  ) throws -> (model: ModelState, optimizer: AdamWConfiguration) {
    let file = directory.url.appending(path: TrainingStateFiles.state)
    guard FileManager.default.fileExists(atPath: file.path) else {
      return (
        ModelState(directory.configuration.model, values: try directory.values()),
        AdamWConfiguration()
      )
    }
    // Checksums were compared when the directory was found.
    let state = try TrainingState(reading: directory.url, verifying: .sizes)
    return (ModelState(state), state.status.training.optimizer)
  }

  /// The receipt of the growth; nil where another tool grew the model.
  private static func receipt(_ directory: URL) throws -> GrowthReceipt? {
    let file = directory.appending(path: GrowthReceipt.fileName)
    return FileManager.default.fileExists(atPath: file.path)
      ? try GrowthReceipt(reading: directory) : nil
  }

  /// Some of a model's tensors compute nothing.
  private func refusePart(of directory: URL) throws {
    guard let only = try Self.receipt(directory)?.files?.only else { return }
    throw GrowthError(
      .unsupported,
      "holds only the tensors that fit \(only.joined(separator: ", ")), as its \(GrowthReceipt.fileName) "
        + "says, and is no whole model; grow it without --only to verify it",
      subject: directory.path(percentEncoded: false))
  }

  /// Batches of the given tokens, or of random ones.
  private func batches(_ bundle: ModelBundle, count: Int) throws -> [TokenBatch] {
    let model = bundle.directory.configuration.model
    let (sequences, length) = (options.sequences, min(options.tokens, model.contextLength))
    guard options.data != nil || options.text != nil else {
      return TokenBatch.random(
        count: count, for: model, sequences: sequences, length: length, seed: options.seed)
    }
    return try TokenBatch.consecutive(
      try tokens(bundle, count * sequences * (length + 1)), count: count, sequences: sequences,
      length: length)
  }

  /// At most so many tokens of what was given: a text, files of text, or prepared tokens.
  private func tokens(_ bundle: ModelBundle, _ count: Int) throws -> [Int32] {
    let url = options.data.map { URL(filePath: $0) }
    if let url,
      FileManager.default.fileExists(
        atPath: url.appending(path: CorpusManifest.fileName).path)
    {
      let dataset = try TokenDataset.open(url)
      try bundle.checkVocabulary(dataset.manifest.vocabularySize, of: url.path)
      let split = dataset.validation ?? dataset.train
      var tokens = [Int32](repeating: 0, count: min(count, split.tokenCount))
      try tokens.withUnsafeMutableBufferPointer { try split.read(at: 0, into: $0) }
      return tokens
    }
    guard let tokenizer = bundle.tokenizer else {
      throw EvaluationError(
        .missingTokenizer, "holds no tokenizer for the text; name one with --tokenizer",
        subject: bundle.directory.url.path)
    }
    if let text = options.text {
      return Array((bundle.beginTokens + tokenizer.encode(text)).prefix(count))
    }
    let text = try EvaluationText.read(
      try CorpusInput.find([url?.path ?? ""]), tokenizer: tokenizer,
      beginTokens: bundle.beginTokens, idle: {}
    ) { _ in }
    return Array(text.tokens.prefix(count))
  }
}

extension ModelDirectory {
  /// Elements of all parameters.
  fileprivate var parameterCount: Int {
    program.parameters.reduce(0) { $0 + $1.shape.elementCount }
  }
}
