// SPDX-License-Identifier: Apache-2.0
import Foundation
import Training

extension Recipe {
  private static let keys = [
    "version", "seed", "model", "tokenizer", "data", "precision", "batch", "optimizer", "schedule",
    "evaluate", "checkpoint", "stop", "onNonFinite", "onSpike", "noiseScale", "stages",
  ]

  init(_ value: RecipeValue, base: URL) throws {
    let keys = try value.mapping(keys: Self.keys)
    try Self.checkVersion(keys)
    let data = try DataRecipe(
      try keys.required("data", "train: texts, or a prepared directory"), base: base)
    let tokenizer = try keys["tokenizer"].map { try TokenizerRecipe($0, base: base) }
    if case .prepared = data.source, let tokenizer = keys["tokenizer"] {
      throw tokenizer.conflict("prepared data bring their own tokenizer; remove this key")
    }
    self.init(
      model: try keys["model"].map(ModelRecipe.init), tokenizer: tokenizer, data: data,
      training: try TrainingConfiguration(keys))
    if let value = keys["stages"], !value.isWord("none") {
      if value.isList {
        stages = try StageRecipe.list(value)
      } else {
        planning = try StagePlanning(value, base: base)
      }
    }
    try checkSequenceLength(keys)
    try checkStages(keys)
    try checkPlanning(keys)
  }

  /// Checks the stages as far as can be before the tokenizer is known.
  private func checkStages(_ keys: RecipeMapping) throws {
    guard let value = keys["stages"], !stages.isEmpty else { return }
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
      let target = try model.configuration(tokenizerVocabularySize: model.vocabularySize ?? 257)
      _ = try StagedModels(stages, target: target)
    } catch let error as StagingError {
      throw value.conflict("\(error.subject): \(error.message)")
    }
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
        "\(request.layerCount) layers are not fewer than the model's \(model.layerCount)")
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
  init(_ keys: RecipeMapping) throws {
    let stop = try keys["stop"].map(StopConditions.init)
    let schedule = try LearningRateSchedule(
      try keys.required("schedule", "the learning rate's kind and peak"), stop: stop)
    self.init(
      seed: try keys["seed"]?.unsigned() ?? 0,
      precision: try keys["precision"]?.choice() ?? .fp32,
      batch: try BatchConfiguration(try keys.required("batch", "sequences: a number")),
      optimizer: try keys["optimizer"].map(AdamWConfiguration.init) ?? AdamWConfiguration(),
      schedule: schedule,
      evaluation: try keys["evaluate"].unlessNone(EvaluationConfiguration.init)
        ?? EvaluationConfiguration(),
      checkpoint: try keys["checkpoint"].unlessNone(CheckpointConfiguration.init)
        ?? CheckpointConfiguration(),
      stop: try Self.stop(stop, schedule: schedule, keys),
      noiseScale: try keys["noiseScale"].unlessNone(NoiseScaleConfiguration.init) ?? nil)
    onNonFinite = try keys["onNonFinite"]?.choice()
    onSpike = try keys["onSpike"].unlessNone(SpikePolicy.init) ?? nil
    try keys.value.checking { try validate() }
  }

  /// The given conditions, or the end of the schedule.
  private static func stop(
    _ stop: StopConditions?, schedule: LearningRateSchedule, _ keys: RecipeMapping
  ) throws -> StopConditions {
    if let stop { return stop }
    if let total = schedule.total { return StopConditions(after: total) }
    return try StopConditions(
      try keys.required("stop", "after: a duration, or loss: a number"))
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
