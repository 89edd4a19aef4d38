// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import RunLogs
import Tensors
import Text
import Training
import Wording

/// What a session of a run begins with: tokens, models and the state of the newest whole checkpoint, of another
/// run's, or of a new model.
struct RunStart {
  /// The run's tokens.
  let dataset: TokenDataset
  /// The model of each stage, with the tokens' vocabulary.
  let models: RunModels
  /// Where in the run the session begins.
  let point: ResumePoint
  /// The checkpoint that the session goes on from; nil at the run's beginning.
  var checkpoint: CheckpointStore.Item? { point.item }
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
    of run: TrainingRun, at point: ResumePoint, on dataset: TokenDataset, _ observer: RunObserver
  ) throws {
    self.dataset = dataset
    self.point = point
    let models = try run.recipeFile.placing {
      try run.recipe.models(
        following: run.plan, tokenizerVocabularySize: dataset.manifest.vocabularySize)
    }
    point.damaged.forEach { observer.hear(.damagedCheckpoint($0)) }
    passedOver = point.damaged.map(PassedOverCheckpoint.init)
    if let state = point.state, let configuration = point.configuration {
      (self.state, self.configuration) = (state, configuration)
      replaced = []
    } else {
      let beginning = try Beginning(of: run, models, on: dataset, observer)
      (state, configuration) = (beginning.state, beginning.configuration)
      replaced = beginning.replaced
    }
    logTellsTime = point.log?.tellsTime ?? true
    self.models = run.plan.flatMap { _ in models } ?? RunModels(state.status.model)
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

  /// Checks that the session can train from here: each model to come fits into memory, before hours go into
  /// the small ones, the state stands in a stage and in these data, which are whole, and the log can be written.
  func check(_ run: TrainingRun, on engine: any TrainingEngine) throws {
    for model in models.models.dropFirst(state.status.stage?.index ?? 0) {
      try TrainingMemory.check(
        model, run.recipe.training, on: engine, subject: "\(run.recipeFile.name): model")
    }
    _ = try StageConditions(models, training: run.recipe.training, status: state.status)
    _ = try BatchStream(dataset.train, at: state.status.cursor)
    try dataset.train.verifyUnlessLarge()
    if state.status.training.evaluation != nil { try dataset.validation?.verifyUnlessLarge() }
    try RunLogWriter.checkWritable(path: run.directory.log.path)
  }

  /// The text to validate on; nil where the recipe wants none or there is too little.
  func validation(_ observer: RunObserver) throws -> TokenSplit? {
    guard state.status.training.evaluation != nil else { return nil }
    if let tokens = dataset.validation, tokens.tokenCount > state.status.model.contextLength {
      noteIfShort(tokens, observer)
      return tokens
    }
    try refuseToGoWithoutValidation(observer)
    return nil
  }

  /// Fewer sequences than these measure a loss roughly.
  private static let fewSequences = 32

  /// Tells where the text to validate on gives fewer sequences than the recipe asks for, or few.
  private func noteIfShort(_ tokens: TokenSplit, _ observer: RunObserver) {
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
    observer.note(
      "The validation text gives only \(counted(present, "sequence")) of \(counted(length, "token")), so losses are "
        + "measured roughly; raise data.validation.fraction, or name files under data.validation")
  }

  private func refuseToGoWithoutValidation(_ observer: RunObserver) throws {
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
    observer.note("No validation: \(message); raise data.validation.fraction for some")
  }
}

/// The state of a run's first session.
private struct Beginning {
  let state: TrainingState
  let configuration: HuggingFaceConfiguration
  var replaced: [ReplacedSetting] = []

  init(
    of run: TrainingRun, _ models: RunModels?, on dataset: TokenDataset, _ observer: RunObserver
  ) throws {
    if let source = run.manifest.startedFrom {
      try self.init(of: run, startingFrom: source, on: dataset, observer)
    } else if let models {
      try self.init(of: run, models, on: dataset)
    } else {
      throw StagingError(
        .missingKey, "this key is missing; expected the model's architecture and sizes",
        subject: "\(run.recipeFile.name): model")
    }
  }

  /// With the model of a checkpoint.
  private init(
    of run: TrainingRun, startingFrom source: String, on dataset: TokenDataset,
    _ observer: RunObserver
  ) throws {
    let start = try StartingCheckpoint(
      readingFrom: URL(filePath: source), ignoring: run.manifest.ignoredTensors ?? [],
      hash: run.manifest.sourceHash)
    start.directory.notes.forEach { observer.note("\(source): \($0)") }
    let model = try start.model(for: run.recipe.model)
    configuration = start.configuration(for: dataset.manifest, observer)
    if run.manifest.startedWith == .wholeState {
      (state, replaced) = try start.state(
        of: model, trainedAs: run.recipe, on: dataset.train, observer)
    } else {
      state = try Self.state(
        of: model, trainedAs: run.recipe, on: dataset.train,
        LineageEntry(
          operation: "loaded", source: source, sourceHash: start.sourceHash, step: 0)
      ) { try start.directory.values() }
    }
  }

  /// With a new model.
  private init(of run: TrainingRun, _ models: RunModels, on dataset: TokenDataset) throws {
    let training = run.recipe.training
    try TrainingMemory.check(models.target, training, subject: "\(run.recipeFile.name): model")
    let model = models.models[0]
    var state = try Self.state(
      of: model, trainedAs: run.recipe, on: dataset.train,
      LineageEntry(operation: "initialized", step: 0)
    ) { try training.initialParameters(of: model) }
    if run.plan != nil { state.status.stage = StageStatus(index: 0, start: TrainingProgress()) }
    self.state = state
    configuration = HuggingFaceConfiguration(
      model, endOfTextTokens: [Int(dataset.manifest.endOfText)])
  }

  private static func state(
    of model: ModelConfiguration, trainedAs recipe: Recipe, on tokens: TokenSplit,
    _ entry: LineageEntry, values: () throws -> [HostTensor]
  ) throws -> TrainingState {
    TrainingState(
      model: model, training: recipe.training, values: try values(),
      cursor: try recipe.batches(of: tokens, for: model).cursor, lineage: [entry])
  }
}
