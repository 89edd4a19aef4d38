// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Tensors
import Text
import Training
import Wording

/// The state that a session of a run begins with: the newest whole checkpoint's, another
/// checkpoint's or its weights, or a new model.
struct RunStart {
  let run: TrainingRun
  let dataset: TokenDataset
  let observer: @Sendable (TrainingRunEvent) -> Void
  /// The checkpoint that the session goes on from; nil at the run's beginning.
  let checkpoint: CheckpointStore.Item?
  /// The state.
  let state: TrainingState
  /// What `config.json` holds beside the model.
  let configuration: HuggingFaceConfiguration
  /// Newer checkpoints that are damaged.
  let passedOver: [PassedOverCheckpoint]
  /// Whether what the log says of times can be believed.
  let logTellsTime: Bool
  /// What of the settings of a training that the run begins to go on with the recipe replaces.
  let replaced: [ReplacedSetting]

  init(
    run: TrainingRun, dataset: TokenDataset,
    observer: @escaping @Sendable (TrainingRunEvent) -> Void
  ) throws {
    self.run = run
    self.dataset = dataset
    self.observer = observer
    let latest = try CheckpointStore(run.directory.checkpoints).latestValid()
    let log = RunLogCheck(run)
    if latest.item == nil { try log.checkNothingIsLost(latest.damaged) }
    latest.damaged.forEach { observer(.damagedCheckpoint($0)) }
    passedOver = latest.damaged.map(PassedOverCheckpoint.init)
    checkpoint = latest.item
    if let item = latest.item {
      CheckpointStore(run.directory.checkpoints).pointLatest(to: item)
      // Its checksums were compared just now.
      var state = try TrainingState(reading: item.url, verifying: .sizes)
      configuration = try ModelDirectory(reading: item.url).configuration
      // What the user changed for this session; the same as before where nothing changed.
      state.status.training = run.recipe.training
      let settled = try log.settle(for: state.status)
      settled.notes.forEach { observer(.warning($0)) }
      logTellsTime = settled.tellsTime
      self.state = state
      replaced = []
    } else {
      let beginning = try Self.beginning(of: run, dataset: dataset, observer: observer)
      (state, configuration) = (beginning.state, beginning.configuration)
      replaced = beginning.replaced
      logTellsTime = true
    }
    try state.validate()
    try checkTokens()
  }

  /// Looks for tokens that the model has no embedding for, where the tokenizer has such.
  private func checkTokens() throws {
    let known = state.status.model.vocabularySize
    guard dataset.manifest.vocabularySize > known else { return }
    let tokenizer = try? TokenizerLoader.load(from: dataset.tokenizerURL) as? BPETokenizer
    for split in [dataset.train, dataset.validation].compactMap({ $0 }) {
      let subject = split.subject
      try BoundedTokens(split, vocabularySize: known) { token in
        let name = tokenizer?.token(ofID: token).map { " ('\($0)')" } ?? ""
        return StagingError(
          .incompatibleCheckpoint,
          "holds token \(token)\(name), but the model has embeddings for ids below \(known); use the "
            + "checkpoint's tokenizer, or leave the token out of the text", subject: subject)
      }.check()
    }
  }

  /// The text to validate on; nil where the recipe wants none or there is too little.
  func validation() throws -> TokenSplit? {
    guard state.status.training.evaluation != nil else { return nil }
    if let tokens = dataset.validation, tokens.tokenCount > state.status.model.contextLength {
      noteIfShort(tokens)
      return tokens
    }
    try refuseToGoWithoutValidation()
    return nil
  }

  /// Fewer sequences than these measure a loss roughly.
  private static let fewSequences = 32

  /// Tells where the text to validate on gives fewer sequences than the recipe asks for, or few.
  private func noteIfShort(_ tokens: TokenSplit) {
    let (training, length) = (state.status.training, state.status.model.contextLength)
    let present = (tokens.tokenCount - 1) / length
    let isShort: Bool
    switch training.evaluation?.amount {
    case .batches(let count)?:
      let wanted = count.multipliedReportingOverflow(by: training.batch.sequences)
      isShort = wanted.overflow || present < wanted.partialValue
    case .tokens?: isShort = present < Self.fewSequences
    case nil: isShort = false
    }
    guard isShort else { return }
    observer(
      .note(
        "The validation text gives only \(counted(present, "sequence")) of \(counted(length, "token")), so losses are "
          + "measured roughly; raise data.validation.fraction, or name files under data.validation")
    )
  }

  private func refuseToGoWithoutValidation() throws {
    let tokens = dataset.validation?.tokenCount ?? 0
    let message =
      "the validation text has \(counted(tokens, "token")), fewer than one sequence of "
      + "\(state.status.model.contextLength)"
    let stop = state.status.training.stop
    guard stop.loss == nil || stop.lossKind == .training else {
      throw StagingError(
        .dataUnavailable,
        "\(message), but the run stops at a validation loss; raise "
          + "data.validation.fraction", subject: "data.validation")
    }
    observer(.note("No validation: \(message); raise data.validation.fraction for some"))
  }
}

extension RunStart {
  private struct Beginning {
    var state: TrainingState
    var configuration: HuggingFaceConfiguration
    var replaced: [ReplacedSetting] = []
  }

  /// A new model, or the one of the checkpoint that the run starts from.
  private static func beginning(
    of run: TrainingRun, dataset: TokenDataset, observer: (TrainingRunEvent) -> Void
  ) throws -> Beginning {
    guard let source = run.manifest.startedFrom else { return try newModel(run, dataset) }
    let start = try StartingWeights(
      readingFrom: URL(filePath: source), ignoring: run.manifest.ignoredTensors ?? [],
      hash: run.manifest.sourceHash)
    start.directory.notes.forEach { observer(.note("\(source): \($0)")) }
    let model = try start.model(
      for: run.recipe.model, tokenizerVocabularySize: dataset.manifest.vocabularySize)
    var configuration = start.directory.configuration
    if !start.hasTokenizer(dataset.manifest.tokenizerFingerprint) {
      observer(
        .note(
          "The recipe's tokenizer is not the checkpoint's, so its tokens mean other text than the "
            + "embeddings have learnt"))
      configuration.beginOfTextToken = nil
      configuration.padToken = nil
      configuration.endOfTextTokens = [Int(dataset.manifest.endOfText)]
    } else if !configuration.namesEndOfText {
      configuration.endOfTextTokens = [Int(dataset.manifest.endOfText)]
    }
    if run.manifest.startedWith == .wholeState {
      let (state, replaced) = try StartingState(weights: start)
        .state(of: run, dataset, model, observer: observer)
      return Beginning(state: state, configuration: configuration, replaced: replaced)
    }
    return Beginning(
      state: try state(
        of: run, dataset, model, values: try start.directory.values(),
        LineageEntry(
          operation: "loaded", source: source, sourceHash: start.sourceHash, step: 0)),
      configuration: configuration)
  }

  private static func newModel(_ run: TrainingRun, _ dataset: TokenDataset) throws -> Beginning {
    guard let sizes = run.recipe.model else {
      throw StagingError(
        .missingKey, "this key is missing; expected the model's architecture and sizes",
        subject: "\(run.recipeFile.name): model")
    }
    let target = try sizes.configuration(
      tokenizerVocabularySize: dataset.manifest.vocabularySize)
    try TrainingMemory.check(target, run.recipe.training, subject: "\(run.recipeFile.name): model")
    let stages = run.recipe.stages
    let model = try stages.isEmpty ? target : StagedModels(stages, target: target).models[0]
    var state = try state(
      of: run, dataset, model, values: try run.recipe.training.initialParameters(of: model),
      LineageEntry(operation: "initialized", step: 0))
    if !stages.isEmpty { state.status.stage = StageStatus(index: 0, start: TrainingProgress()) }
    return Beginning(
      state: state,
      configuration: HuggingFaceConfiguration(
        model, endOfTextTokens: [Int(dataset.manifest.endOfText)]))
  }

  private static func state(
    of run: TrainingRun, _ dataset: TokenDataset, _ model: ModelConfiguration,
    values: [HostTensor], _ entry: LineageEntry
  ) throws -> TrainingState {
    let stream = try BatchStream(
      dataset.train, contextLength: model.contextLength, order: run.recipe.data.order,
      seed: run.recipe.training.seed)
    return TrainingState(
      model: model, training: run.recipe.training, values: values, cursor: stream.cursor,
      lineage: [entry])
  }
}
