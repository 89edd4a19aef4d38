// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Planning
import RunLogs
import Staging
import Testing

/// Runs whose validations lie on a law under which growth pays within tens of steps, made without
/// training; and the recipe that is planned for.
enum LawfulRuns {
  /// The published law with a two-hundredth of its steps.
  static let law = ScalingLaw(
    sizeExponent: 0.076, sizeScale: 8.8e13, stepExponent: 0.76, stepScale: 10)
  static let names = ["pilots/small", "pilots/deep", "pilots/wide"]
  private static let sizes = [
    "layers: 1, hidden: 8", "layers: 2, hidden: 8", "layers: 1, hidden: 16",
  ]

  /// A recipe of a target of some thousand parameters, 40 steps long.
  static func recipe(stages: String, schedule: String = "kind: cosine, total: 40 steps") -> String {
    """
    version: 1
    seed: 5
    model: {architecture: gpt2, layers: 2, hidden: 16, heads: 4, context: 8, dropout: 0.1}
    tokenizer: {kind: bytes}
    data: {train: corpus.txt, validation: {fraction: 0.05}}
    batch: {sequences: 4}
    schedule: {peak: 1e-2, warmup: 4 steps, \(schedule)}
    evaluate: {every: 5 steps, batches: 2}
    checkpoint: {every: 3 steps, keep: 3}
    stages: \(stages)
    """
  }

  /// The recipe's model, as planners see it.
  static func target() throws -> ModelConfiguration {
    ModelConfiguration(
      architecture: .gpt2, layerCount: 2, hiddenSize: 16, headCount: 4, intermediateSize: 64,
      vocabularySize: 257, contextLength: 8, tiesHead: true)
  }

  /// Makes the runs in a workplace.
  static func make(in place: Workplace) throws {
    for (name, size) in zip(names, sizes) {
      let text = recipe(stages: "none")
        .replacing("layers: 2, hidden: 16, heads: 4", with: "\(size), heads: 2")
      let run = try TrainingRun.create(
        place.url.appending(path: name), recipe: try place.recipeFile(text))
      let sizes = try #require(run.recipe.model)
      let model = try sizes.configuration(tokenizerVocabularySize: 257)
      let parameters = Double(try model.parameterCount().withoutEmbeddings)
      let log = try RunLogWriter(path: run.directory.log.path(percentEncoded: false))
      for step in 1...60 {
        let tokens = 32 * step
        try log.append(
          .evaluation(
            EvaluationRecord(
              step: step, validationLoss: law.loss(parameters: parameters, steps: Double(step)),
              tokens: tokens, flops: 6 * parameters * Double(tokens), seconds: 1, targets: 32)))
      }
    }
  }

  /// A plan for the recipe's model by the law, for as long a run as the recipe's.
  static func plan(steps: Double = 40, change: (inout PlanRequest) -> Void = { _ in }) throws
    -> StagePlan
  {
    var request = PlanRequest(target: try target(), tokensPerStep: 32, law: law)
    let parameters = Double(try target().parameterCount().withoutEmbeddings)
    request.goal = .loss(law.loss(parameters: parameters, steps: steps))
    request.latestGrowthStep = steps
    change(&request)
    return try StageSearch.plan(request)
  }

  /// Writes a plan's file as `espalier plan -o` does.
  static func write(_ plan: StagePlan, to file: URL) throws {
    try JSONEncoder().encode(plan).write(to: file)
  }
}
