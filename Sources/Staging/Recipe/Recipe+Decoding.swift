// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Training
import Wording

extension Recipe {
  static let keys = [
    "version", "seed", "model", "tokenizer", "data", "precision", "batch", "optimizer", "schedule",
    "parametrization",
    "evaluate", "checkpoint", "stop", "onNonFinite", "onSpike", "noiseScale", "stages",
  ]

  /// Reads a recipe.
  ///
  /// - Parameter began: how far the training had come that the run goes on with.
  init(_ value: RecipeValue, base: URL, began: TrainingProgress) throws {
    let keys = try value.mapping(keys: Self.keys)
    let faults = keys.faults
    _ = try faults.attempt { try Self.checkVersion(keys) }
    let data = try faults.attempt {
      try DataRecipe(
        try keys.required("data", "train: texts, or a prepared directory"), base: base)
    }
    let tokenizer = try faults.attempt { try Self.tokenizer(keys, data?.source, base: base) }
    let model = try faults.attempt { try keys["model"].map(ModelRecipe.init) }
    var training = try faults.attempt { try TrainingConfiguration(keys, began: began) }
    let stages = try faults.attempt { try Self.stages(keys, base: base) }
    training?.parametrization =
      try faults.attempt {
        try ParametrizationRecipe(model: model ?? nil, stages: stages?.list ?? [])
          .parametrization(keys["parametrization"])
      } ?? nil
    // What does not fit together is told once each part is right.
    guard faults.errors.isEmpty, let data, let tokenizer, let model, let training, let stages else {
      throw RecipeFaults.Noted()
    }
    self.init(
      model: model, tokenizer: tokenizer, data: data, training: training,
      stages: stages.list, planning: stages.planning)
    let models = try faults.attempt { try checkedModels(keys) } ?? nil
    for check in [checkSequenceLength, checkGrowths, checkPlanning] {
      _ = try faults.attempt { try check(keys) }
    }
    guard let models else { return }
    _ = try faults.attempt {
      try keys.value.checking { try training.checkParametrization(of: models) }
    }
  }

  private static func tokenizer(
    _ keys: RecipeMapping, _ source: DataRecipe.Source?, base: URL
  ) throws -> TokenizerRecipe? {
    if case .prepared? = source, let tokenizer = keys["tokenizer"] {
      throw tokenizer.conflict("prepared data bring their own tokenizer; remove this key")
    }
    return try keys["tokenizer"].map { try TokenizerRecipe($0, base: base) }
  }

  private static func stages(
    _ keys: RecipeMapping, base: URL
  ) throws -> (list: [StageRecipe], planning: StagePlanning?) {
    guard let value = keys["stages"], !value.isWord("none") else { return ([], nil) }
    if value.isList { return (try StageRecipe.list(value), nil) }
    return ([], try StagePlanning(value, base: base))
  }

  /// The models, checked as far as can be before the tokenizer is known; nil where a checkpoint brings the
  /// model.
  private func checkedModels(_ keys: RecipeMapping) throws -> RunModels? {
    guard let value = keys["stages"], !stages.isEmpty else {
      do {
        return try model.map { try RunModels([], of: $0, tokenizerVocabularySize: nil) }
      } catch let error as ArchitecturesError {
        throw Self.contradiction(error, keys)
      }
    }
    guard let model else {
      throw value.conflict("stages lead to a model; give the recipe's 'model'")
    }
    let watchesLoss = stages.contains { stage in
      switch stage.until {
      case .slope, .loss: true
      case .after, .share, nil: false
      }
    }
    if watchesLoss, training.evaluation == nil {
      throw value.conflict(
        "a stage waits for a slope or a loss, but the loss is never measured; give 'evaluate'")
    }
    do {
      return try RunModels(stages, of: model, tokenizerVocabularySize: nil)
    } catch let error as StagingError {
      // The error's subject is a key path of the recipe.
      throw keys.value.nearest(error.subject).conflict(error.message)
    } catch let error as ArchitecturesError {
      throw Self.contradiction(error, keys)
    }
  }

  /// The error for sizes of `model` that contradict each other.
  private static func contradiction(
    _ error: ArchitecturesError, _ keys: RecipeMapping
  ) -> StagingError {
    let key = ModelConfiguration.Field(subject: error.subject)?.rawValue
    guard let key else {
      return keys.value.nearest("model").conflict("\(error.subject): \(error.message)")
    }
    let value = keys.value.nearest("model.\(key)")
    return value.conflict(
      value.path.last == key ? error.message : "\(key) follows from the others: \(error.message)")
  }

  /// Checks that stages can be planned for this recipe, as far as can be before they are.
  private func checkPlanning(_ keys: RecipeMapping) throws {
    guard let value = keys["stages"], let planning else { return }
    guard let model else {
      throw value.conflict("stages lead to a model; give the recipe's 'model'")
    }
    let length = RunLength(training, contextLength: model.contextLength)
    guard case .lateExpansion(let request) = planning else {
      guard !length.isCountedInOperations else {
        throw value.conflict(
          "planned stages move the schedule by steps, which FLOPs of a small model and a large one do "
            + "not tell; give schedule.total and stop.after in steps or tokens")
      }
      return
    }
    guard [.wsd, .constant].contains(training.schedule.kind) else {
      throw value.conflict(
        "late expansion keeps the learning rate high until it grows, and a "
          + "\(training.schedule.kind.rawValue) schedule falls from its start; use schedule.kind: wsd "
          + "or constant")
    }
    guard request.layerCount < model.layerCount else {
      throw value.conflict(
        "late expansion begins with \(counted(request.layerCount, "layer")), not fewer than the model's "
          + "\(model.layerCount); give fewer, such as lateExpansion: {layers: 0}")
    }
  }

  private func checkSequenceLength(_ keys: RecipeMapping) throws {
    guard let model, let start = training.batch.sequenceLengthWarmup?.start,
      start > model.contextLength
    else { return }
    throw keys.value.nearest(["batch", "sequenceLength", "from"]).conflict(
      "\(start) is more than the model's context of \(model.contextLength)")
  }

  private static func checkVersion(_ keys: RecipeMapping) throws {
    let version = try keys.required("version", "version: \(formatVersion)")
    let number = try version.integer(in: 1...Int.max)
    guard number == formatVersion else {
      throw version.conflict(
        "version \(number) of the format is unknown; this program reads version \(formatVersion)")
    }
  }
}

extension TrainingConfiguration {
  /// The training part of a recipe's top level.
  init(_ keys: RecipeMapping, began: TrainingProgress) throws {
    let faults = keys.faults
    let stop = try faults.attempt {
      try keys["stop"].map { try StopConditions($0, began: began) }
    }
    let schedule = try faults.attempt {
      try LearningRateSchedule(
        try keys.required("schedule", "the learning rate's kind and peak"), stop: stop ?? nil)
    }
    let batch = try faults.attempt {
      try BatchConfiguration(try keys.required("batch", "sequences: a number"))
    }
    let optimizer = try faults.attempt { try keys["optimizer"].map(OptimizerConfiguration.init) }
    let evaluation = try faults.attempt {
      try keys["evaluate"].unlessNone(EvaluationConfiguration.init) ?? EvaluationConfiguration()
    }
    let checkpoint = try faults.attempt {
      try keys["checkpoint"].unlessNone(CheckpointConfiguration.init) ?? CheckpointConfiguration()
    }
    let noise = try faults.attempt {
      try keys["noiseScale"].unlessNone(NoiseScaleConfiguration.init) ?? nil
    }
    let nonFinite = try faults.attempt { () -> TroubleAction? in try keys["onNonFinite"]?.choice() }
    let spike = try faults.attempt { try keys["onSpike"].unlessNone(SpikePolicy.init) ?? nil }
    let seed = try keys["seed"]?.unsigned() ?? 0
    let precision: Precision = try keys["precision"]?.choice() ?? .fp32
    guard let stop, let schedule, let batch, let optimizer, let evaluation, let checkpoint,
      let noise
    else { throw RecipeFaults.Noted() }
    self.init(
      seed: seed, precision: precision, batch: batch,
      optimizer: optimizer ?? .adamW(AdamWConfiguration()),
      schedule: schedule, evaluation: evaluation, checkpoint: checkpoint,
      stop: try Self.stop(stop, schedule: schedule, keys), noiseScale: noise)
    onNonFinite = nonFinite ?? nil
    onSpike = spike ?? nil
    guard faults.errors.isEmpty else { return }
    try keys.value.checking { try validate() }
  }

  /// The given conditions, or the end of the schedule.
  private static func stop(
    _ stop: StopConditions?, schedule: LearningRateSchedule, _ keys: RecipeMapping
  ) throws -> StopConditions {
    if let stop { return stop }
    if let total = schedule.total { return StopConditions(after: total) }
    _ = try keys.required("stop", "after: a duration, or loss: a number")
    throw RecipeFaults.Noted()
  }
}

extension RecipeValue? {
  /// nil for a missing key, an inner nil for `none`.
  func unlessNone<Part>(_ decode: (RecipeValue) throws -> Part) rethrows -> Part?? {
    try unless("none", decode)
  }

  /// nil for a missing key, an inner nil for the word.
  func unless<Part>(
    _ word: String, _ decode: (RecipeValue) throws -> Part
  ) rethrows -> Part?? {
    guard let self else { return .none }
    return self.isWord(word) ? .some(nil) : .some(try decode(self))
  }
}
