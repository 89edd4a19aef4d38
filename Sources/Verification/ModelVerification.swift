// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput
import Checkpoints
import Evaluation
import Foundation
import Growth
import Tensors
import Text
import Training
import Wording

/// What is to be measured of a grown model that lies on a disk, and on which tokens.
public struct VerificationRequest: Sendable {
  /// The tokens that models are computed on.
  public enum Tokens: Sendable, Hashable {
    /// Random ones.
    case random
    /// Those of a text.
    case text(String)
    /// Those of a file or folder of text, or of a directory of tokens that were prepared.
    case data(URL)
  }

  /// The small model: a checkpoint, Hugging Face directory or run.
  public var small: URL
  /// The grown one.
  public var grown: URL
  /// The tokens that the models are computed on.
  public var tokens = Tokens.random
  /// A `tokenizer.json`, or a directory with one, instead of the small model's.
  public var tokenizer: URL?
  /// Families beside the known ones.
  public var families: [DecoderFamily] = []
  /// Patterns of names of tensors that are no part of the models and are passed over.
  public var ignoredTensors: [String] = []
  /// Whether the models are streamed; nil for where all measurements would take more than half of the memory.
  public var streams: Bool?
  /// Training steps after which copies are compared.
  public var symmetrySteps = 10
  /// Sequences of each batch.
  public var sequenceCount = 2
  /// Tokens of each sequence, where the small model's context is not shorter.
  public var sequenceLength = 32
  /// The learning rate of all steps but those that look for dead parameters.
  public var learningRate = MeasuredTraining.usualRate
  /// Fixes the random tokens.
  public var seed: UInt64 = 0
  /// How much is measured in float64.
  public var exactScope = ExactScope.all
  /// Floating-point operations that float64 may take; nil for some seconds' worth.
  public var exactOperations: Double?

  /// All measurements of two models on random tokens.
  public init(small: URL, grown: URL) {
    self.small = small
    self.grown = grown
  }
}

/// Verifies a grown model as it lies on a disk: with its receipt, as large as it is.
///
///     let verification = try ModelVerification(VerificationRequest(small: small, grown: grown))
///     print(try verification.report(engine: CPUTrainingEngine()).isSound)
public struct ModelVerification: Sendable {
  /// What is to be measured.
  public let request: VerificationRequest
  /// The small model.
  public let small: ModelBundle
  /// The grown model.
  public let grown: ModelBundle
  /// What was done to make it; nil where another tool grew it.
  public let receipt: GrowthReceipt?
  /// Whether the models are streamed.
  public let streaming: StreamingChoice

  /// Opens both models, with every file compared with its checksum, and the receipt.
  ///
  /// - Throws: `GrowthError` for a receipt that cannot be read or a grown model of which only a part was
  ///   written; as `ModelBundle.init(reading:tokenizer:families:ignoring:)`.
  public init(_ request: VerificationRequest) throws {
    self.request = request
    try Self.refusePart(of: request.grown)
    // Only the text needs a tokenizer, and the grown model's may be another by now.
    func opened(_ url: URL) throws -> ModelBundle {
      try ModelBundle(
        reading: url, tokenizer: request.tokenizer, families: request.families,
        ignoring: request.ignoredTensors)
    }
    (small, grown) = (try opened(request.small), try opened(request.grown))
    receipt = try Self.receipt(grown.directory.url)
    streaming = StreamingChoice(
      isAsked: request.streams,
      parameterCount: small.directory.parameterCount + grown.directory.parameterCount)
  }

  /// Measures and judges.
  ///
  /// - Parameters:
  ///   - engine: what computes in float32, unless the models are streamed.
  ///   - progress: called before every part and step; what it throws ends the measuring.
  /// - Throws: `TensorsError` where memory does not hold what is to be measured; the errors of both
  ///   verifications, and of reading models and text.
  public func report(
    engine: any TrainingEngine,
    progress: @escaping (VerificationProgress) throws -> Void = { _ in }
  ) throws -> VerificationReport {
    try checkMemory()
    var report = try streaming.streams ? streamed(engine, progress) : measured(engine, progress)
    let passedOver = small.passedOver + grown.passedOver
    report.passedOver = passedOver.isEmpty ? nil : passedOver
    return report
  }

  /// Measures what the whole models tell, training among it.
  private func measured(
    _ engine: any TrainingEngine, _ progress: (VerificationProgress) throws -> Void
  ) throws -> VerificationReport {
    var (smallState, _) = try small.directory.measuredState()
    let (grownState, optimizer) = try grown.directory.measuredState()
    // Growing weights alone leaves the training behind, so that none of it is to be found again.
    if grownState.training == nil { smallState = smallState.weightsAlone }
    var verification = GrowthVerification(
      small: smallState, grown: grownState, path: receipt?.path,
      training: MeasuredTraining(optimizer: optimizer, learningRate: request.learningRate),
      seed: request.seed)
    verification.rounding = FileRounding(
      small: small.directory, grown: grown.directory, path: receipt?.path)
    verification.symmetrySteps = request.symmetrySteps
    verification.exactScope = request.exactScope
    // Eleven batches show ten steps.
    verification.batches = try batches(count: 11)
    verification.exactBatches = verification.batches
    // The same tokens twice: what one step gives to a token's vector, the next one reads.
    let live = TokenBatch.random(
      count: 1, for: grownState.configuration, sequences: request.sequenceCount,
      length: max(2, request.sequenceLength), seed: request.seed &+ 1)
    verification.liveBatches = live + live
    try verification.limitExactWork(toOperations: request.exactOperations ?? 3e10)
    return try verification.report(engine: engine, progress: progress)
  }

  /// Measures what two forward passes over the files tell.
  private func streamed(
    _ engine: any TrainingEngine, _ progress: @escaping (VerificationProgress) throws -> Void
  ) throws -> VerificationReport {
    var verification = StreamingVerification(
      small: small.directory, grown: grown.directory, path: receipt?.path,
      batch: try batches(count: 1)[0])
    if let operations = request.exactOperations { verification.exactOperations = operations }
    if request.exactScope == .none { verification.exactOperations = 0 }
    return try verification.report(threads: engine.threadCount) { done in
      var done = done
      done.part = "streaming"
      try progress(done)
    }
  }

  /// Refuses batches, and measurements that were insisted on, that memory does not hold.
  private func checkMemory() throws {
    let models = [small, grown].map(\.directory.configuration.model)
    let length = min(request.sequenceLength, models.map(\.contextLength).min() ?? 1)
    let batch = GrowthVerification.batchByteCount(
      of: models, sequences: request.sequenceCount, length: length)
    let parameters = small.directory.parameterCount + grown.directory.parameterCount
    let whole = GrowthVerification.memoryByteCount(parameterCount: parameters)
    try MachineMemory.current.check(
      Int(bounding: batch + (streaming.streams ? 0 : Double(whole))),
      for: "measuring \(counted(parameters, "parameter")) on "
        + "\(counted(request.sequenceCount, "sequence")) of \(counted(length, "token"))",
      remedy: "measure fewer or shorter sequences"
        + (streaming.streams ? "" : ", or stream the models"),
      subject: request.grown.relativePath)
  }

  /// The receipt of the growth; nil where another tool grew the model.
  private static func receipt(_ directory: URL) throws -> GrowthReceipt? {
    let file = directory.appending(path: GrowthReceipt.fileName)
    return FileManager.default.fileExists(atPath: file.path)
      ? try GrowthReceipt(reading: directory) : nil
  }

  /// Some of a model's tensors compute nothing.
  private static func refusePart(of directory: URL) throws {
    guard let only = try receipt(directory)?.files?.only else { return }
    throw GrowthError(
      .unsupported,
      "holds only the tensors that fit \(only.joined(separator: ", ")), as its \(GrowthReceipt.fileName) "
        + "says, and is no whole model; grow it without --only to verify it",
      subject: directory.path(percentEncoded: false))
  }
}

// The tokens.
extension ModelVerification {
  /// Batches of the given tokens, or of random ones.
  private func batches(count: Int) throws -> [TokenBatch] {
    var model = small.directory.configuration.model
    // What is named as the grown model may be another, with fewer positions or tokens.
    let grown = grown.directory.configuration.model
    model.contextLength = min(model.contextLength, grown.contextLength)
    model.vocabularySize = min(model.vocabularySize, grown.vocabularySize)
    let (sequences, length) = (
      request.sequenceCount, min(request.sequenceLength, model.contextLength)
    )
    guard let source = try givenTokens().map(small.checked) else {
      return TokenBatch.random(
        count: count, for: model, sequences: sequences, length: length, seed: request.seed)
    }
    let batches = try TokenBatch.spread(
      over: source, count: count, sequences: sequences, length: length)
    try source.verifyReads()
    return batches
  }

  /// The tokens of a text, files of text, or prepared tokens; nil for random ones.
  private func givenTokens() throws -> (any TokenSource)? {
    switch request.tokens {
    case .random: return nil
    case .text(let text):
      return try known("text") { small.promptPrefix + $0.encode(text) }
    case .data(let url):
      let manifest = url.appending(path: CorpusManifest.fileName)
      if FileManager.default.fileExists(atPath: manifest.path) {
        let dataset = try TokenDataset.open(url)
        return dataset.validation ?? dataset.train
      }
      return try known(url.relativePath) { tokenizer in
        try EvaluationText.read(
          try CorpusInput.find([url.path]), tokenizer: tokenizer, beginTokens: small.promptPrefix
        ).tokens
      }
    }
  }

  /// Tokens of the small model's tokenizer, all of which the model knows.
  private func known(
    _ subject: String, _ tokens: (any Tokenizer) throws -> [Int32]
  ) throws -> any TokenSource {
    guard let tokenizer = small.tokenizer else {
      throw EvaluationError(
        .missingTokenizer, "holds no tokenizer for the text; name one with --tokenizer",
        subject: small.directory.url.path)
    }
    let tokens = try tokens(tokenizer)
    try small.check(tokens, of: subject)
    return try InMemoryTokens(tokens, vocabularySize: tokenizer.vocabularySize)
  }
}

extension ModelDirectory {
  /// Elements of all parameters.
  fileprivate var parameterCount: Int {
    program.parameters.reduce(0) { $0 + $1.shape.elementCount }
  }

  /// The model, with its moments where the directory holds a training state, and what trains it.
  fileprivate func measuredState() throws -> (ModelState, OptimizerConfiguration) {
    let file = url.appending(path: TrainingStateFiles.state)
    guard FileManager.default.fileExists(atPath: file.path) else {
      return (
        ModelState(configuration.model, values: try values()), .adamW(AdamWConfiguration())
      )
    }
    // Checksums were compared when the directory was found.
    let state = try TrainingState(reading: url, verifying: .sizes)
    return (ModelState(state), state.status.training.optimizer)
  }
}
