// SPDX-License-Identifier: Apache-2.0
import CheckedInput
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
    for bundle in bundles {
      PassedOverWarning.print(bundle.passedOver, using: bundle.directory.url)
      ModelOptions.tell(bundle.directory)
    }
    let receipt = try Self.receipt(bundles[1].directory.url)
    let choice = StreamingChoice(
      isAsked: options.streaming,
      parameterCount: bundles.reduce(0) { $0 + $1.directory.parameterCount })
    choice.note.map(note)
    try checkMemory(bundles, streams: choice.streams)
    var report =
      choice.streams
      ? try streamed(bundles, receipt, progress) : try measured(bundles, receipt, progress)
    report.passedOver = bundles.flatMap(\.passedOver).orNil
    return report
  }

  /// Measures what the whole models tell, training among it.
  private func measured(
    _ bundles: [ModelBundle], _ receipt: GrowthReceipt?,
    _ progress: @escaping (String, Int, Int) throws -> Void
  ) throws -> VerificationReport {
    let states = try bundles.map { try Self.state($0.directory) }
    var verification = GrowthVerification(
      small: states[0].model, grown: states[1].model, path: receipt?.path,
      training: MeasuredTraining(
        optimizer: states[1].optimizer, learningRate: options.learningRate), seed: options.seed)
    verification.rounding = FileRounding(
      small: bundles[0].directory, grown: bundles[1].directory, path: receipt?.path)
    verification.symmetrySteps = options.steps
    verification.exactScope = options.float64
    // Eleven batches show ten steps.
    verification.batches = try batches(bundles[0], count: 11)
    verification.exactBatches = verification.batches
    // The same tokens twice: what one step gives to a token's vector, the next one reads.
    let live = TokenBatch.random(
      count: 1, for: states[1].model.configuration, sequences: options.sequences,
      length: max(2, options.tokens), seed: options.seed &+ 1)
    verification.liveBatches = live + live
    try verification.limitExactWork(toOperations: options.exactOperations ?? 3e10)
    return try verification.report(
      engine: options.engineOptions.makeEngine()
    ) { try progress($0.part, $0.done, $0.total) }
  }

  /// Refuses batches, and measurements that were insisted on, that memory does not hold.
  private func checkMemory(_ bundles: [ModelBundle], streams: Bool) throws {
    let models = bundles.map(\.directory.configuration.model)
    let length = min(options.tokens, models.map(\.contextLength).min() ?? 1)
    let batch = GrowthVerification.batchByteCount(
      of: models, sequences: options.sequences, length: length)
    let parameters = bundles.reduce(0) { $0 + $1.directory.parameterCount }
    let needed =
      batch
      + (streams ? 0 : Double(GrowthVerification.memoryByteCount(parameterCount: parameters)))
    try MachineMemory.current.check(
      Int(bounding: needed),
      for:
        "measuring \(Readable.exact(parameters, of: "parameter")) on "
        + "\(Readable.exact(options.sequences, of: "sequence")) of "
        + Readable.exact(length, of: "token"),
      remedy: "give fewer --sequences or --tokens"
        + (streams ? "" : ", leave --no-streaming out"),
      subject: options.grown)
  }

  /// Measures what two forward passes over the files tell.
  private func streamed(
    _ bundles: [ModelBundle], _ receipt: GrowthReceipt?,
    _ progress: @escaping (String, Int, Int) throws -> Void
  ) throws -> VerificationReport {
    let batch = try batches(bundles[0], count: 1)[0]
    var verification = StreamingVerification(
      small: bundles[0].directory, grown: bundles[1].directory, path: receipt?.path,
      batch: batch)
    if let operations = options.exactOperations { verification.exactOperations = operations }
    if options.float64 == .none { verification.exactOperations = 0 }
    return try verification.report(threads: options.engineOptions.threads) {
      try progress("streaming", $0.done, $0.total)
    }
  }

  /// A model with its moments, where the directory holds a training state.
  private static func state(
    _ directory: ModelDirectory
  ) throws -> (model: ModelState, optimizer: OptimizerConfiguration) {
    let file = directory.url.appending(path: TrainingStateFiles.state)
    guard FileManager.default.fileExists(atPath: file.path) else {
      return (
        ModelState(directory.configuration.model, values: try directory.values()),
        .adamW(AdamWConfiguration())
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
    let source = try tokens(bundle)
    let batches = try TokenBatch.spread(
      over: source, count: count, sequences: sequences, length: length)
    try source.verifyReads()
    return batches
  }

  /// The tokens that were given, all known to the model where they are read.
  private func tokens(_ bundle: ModelBundle) throws -> any TokenSource {
    bundle.checked(try givenTokens(bundle))
  }

  /// The tokens of a text, files of text, or prepared tokens.
  private func givenTokens(_ bundle: ModelBundle) throws -> any TokenSource {
    let url = options.data.map { URL(filePath: $0) }
    if let url,
      FileManager.default.fileExists(
        atPath: url.appending(path: CorpusManifest.fileName).path)
    {
      let dataset = try TokenDataset.open(url)
      return dataset.validation ?? dataset.train
    }
    guard let tokenizer = bundle.tokenizer else {
      throw EvaluationError(
        .missingTokenizer, "holds no tokenizer for the text; name one with --tokenizer",
        subject: bundle.directory.url.path)
    }
    let tokens =
      if let text = options.text {
        bundle.promptPrefix + tokenizer.encode(text)
      } else {
        try EvaluationText.read(
          try CorpusInput.find([url?.path ?? ""]), tokenizer: tokenizer,
          beginTokens: bundle.promptPrefix, idle: {}
        ) { _ in }.tokens
      }
    try bundle.check(tokens, of: options.data ?? "text")
    return try InMemoryTokens(tokens, vocabularySize: tokenizer.vocabularySize)
  }
}

extension ModelDirectory {
  /// Elements of all parameters.
  fileprivate var parameterCount: Int {
    program.parameters.reduce(0) { $0 + $1.shape.elementCount }
  }
}
