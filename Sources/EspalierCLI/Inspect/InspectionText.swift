// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// Inspections as people read them.
enum InspectionText {
  static func lines(_ inspection: Inspection) -> [String] {
    switch inspection {
    case .run(let run): lines(run)
    case .model(let model): lines(model)
    case .tensors(let file): lines(file)
    case .tokens(let tokens): lines(tokens)
    case .recipe(let recipe): ["Recipe \(recipe.path)"] + lines(recipe)
    case .growth(let growth): lines(growth)
    }
  }

  private static func lines(_ growth: GrowthInspection) -> [String] {
    let options = growth.options
    var lines = ["Growth \(growth.path)", row("by", growth.operation)]
    if let source = options.source {
      let hash = options.sourceHash.map { " (SHA-256 \($0.prefix(12))…)" } ?? ""
      lines.append(row("of", source + hash + (growth.step.map { ", step \($0)" } ?? "")))
    }
    lines += [row("from", "")] + modelLines(growth.source).map { "  " + $0 }
    lines += [row("to", "")] + modelLines(growth.target).map { "  " + $0 }
    lines.append(row("promises", growth.guarantees.map(\.rawValue).joined(separator: ", ")))
    lines.append(row("seed", "\(options.seed)"))
    if growth.step != nil { lines.append(row("moments", options.moments.rawValue)) }
    if let rate = options.newEntryRate { lines.append(row("new entries", rate.text)) }
    if let files = growth.files {
      lines.append(row("files", files.result.keys.sorted().joined(separator: ", ")))
    }
    return lines + [row("made by", "espalier \(growth.versions.espalier)")]
  }

  private static func lines(_ run: RunInspection) -> [String] {
    var progress =
      "\(Readable.exact(run.steps, of: "step")), \(Readable.count(run.tokens)) tokens, "
      + "\(Readable.scaled(run.flops))FLOPs, \(Readable.time(run.seconds))"
    if let share = run.shareDone {
      progress += ", \(Readable.percent(share)) of the planned length"
    }
    var lines = ["Run \(run.path)", row("progress", progress)]
    if !run.engines.isEmpty { lines.append(row("engine", EngineUse.text(run.engines))) }
    if let event = run.lastEvent { lines.append(row("last event", event)) }
    if let lost = LostSteps.text(run.lostSteps.map { $0.first...$0.last }) {
      lines.append(row("lost", "\(lost), of which the log has no record any more"))
    }
    if !run.overrides.isEmpty {
      lines.append(row("overrides", run.overrides.joined(separator: ", ")))
    }
    if let plan = run.plan, let count = run.stageCount {
      lines.append(row("stages", "\(count), \(text(of: plan))"))
    }
    lines += run.growths.map { growth in
      let state = growth.problem.map { "  DAMAGED: \($0)" } ?? ""
      let what = [growth.operation, growth.step.map { "at step \($0)" }].compactMap { $0 }
      return row("growth", (what + [growth.receipt]).joined(separator: ", ") + state)
    }
    lines += lossLines(run)
    lines += stateLines(run)
    return lines + (run.recipe.map(self.lines) ?? [])
  }

  private static func stateLines(_ run: RunInspection) -> [String] {
    func lines(_ label: String, _ states: [RunInspection.Checkpoint]) -> [String] {
      states.map { state in
        let problems =
          state.problems.isEmpty ? "" : "  DAMAGED: \(state.problems.joined(separator: "; "))"
        return row(label, state.name + problems)
      }
    }
    var result = lines("stage", run.stages) + lines("checkpoint", run.checkpoints)
    if let newest = run.newestWhole, newest != run.checkpoints.last?.name {
      result.append(row("in use", "\(newest), the newest whole checkpoint"))
    }
    return result + run.problems.map { row("DAMAGED", $0) }
  }

  private static func text(of origin: RunPlan.Origin) -> String {
    switch origin {
    case .recipe: "as the recipe lists them"
    case .automatic: "found by the planner when the run began"
    case .lateExpansion: "late expansion"
    case .plan: "of a plan's file"
    }
  }

  private static func lossLines(_ run: RunInspection) -> [String] {
    func text(_ loss: RunInspection.Loss) -> String {
      "\(loss.loss.map(Readable.loss) ?? "not finite") at step \(loss.step)"
    }
    var lines: [String] = []
    if let loss = run.trainingLoss { lines.append(row("loss", "\(text(loss))  \(run.lossCurve)")) }
    if let loss = run.validationLoss {
      let best = run.bestValidationLoss.map { ", best \(text($0))" } ?? ""
      lines.append(row("validation", text(loss) + best))
    }
    if let cost = run.evaluation {
      lines.append(
        row(
          "validating",
          "\(Readable.scaled(cost.floatingPointOperations))FLOPs beside the training, "
            + "\(Readable.time(cost.seconds)) of the time"))
    }
    return lines
  }

  private static func lines(_ recipe: RecipeInspection) -> [String] {
    var lines: [String] = []
    if let model = recipe.model {
      lines += modelLines(model.configuration)
      lines.append(
        row(
          "parameters",
          "\(Readable.exact(model.parameterCount)), "
            + "\(Readable.exact(model.parameterCountWithoutEmbeddings)) without embeddings"))
      lines.append(
        row("training", "\(Readable.scaled(model.trainingFLOPsPerToken))FLOPs per token"))
    }
    return lines + trainingLines(recipe.training)
  }

  private static func trainingLines(_ training: TrainingConfiguration) -> [String] {
    let schedule = training.schedule
    var rate = "\(schedule.kind.rawValue), peak \(schedule.peak), warm-up \(schedule.warmup)"
    if let total = schedule.total { rate += ", total \(total)" }
    let parametrization = training.parametrization.map {
      row("rates of", $0.recipeText)
    }
    return [
      row("batch", "\(Readable.exact(training.batch.sequencesPerStep, of: "sequence")) a step"),
      row("schedule", rate), row("stop", training.stop.summary),
      row("precision", training.precision.rawValue),
      row("seed", String(training.seed)),
    ] + (parametrization.map { [$0] } ?? [])
  }

  private static func lines(_ model: ModelInspection) -> [String] {
    let kind = model.training == nil ? "Model" : "Checkpoint"
    var lines = ["\(kind) \(model.path)"] + modelLines(model.model)
    lines.append(
      row(
        "parameters",
        "\(Readable.exact(model.parameterCount)), "
          + "\(Readable.exact(model.parameterCountWithoutEmbeddings)) without embeddings, "
          + (model.weightType?.rawValue ?? "of several types")))
    lines.append(
      row(
        "training",
        "\(Readable.scaled(model.trainingFLOPsPerToken))FLOPs per token "
          + "(6N: \(Readable.count(model.trainingFLOPsPerTokenBySixN)))"))
    if !model.endOfTextTokens.isEmpty {
      let ids = model.endOfTextTokens.map(String.init).joined(separator: ", ")
      lines.append(
        row("text ends at", model.endOfTextTokens.count == 1 ? "token \(ids)" : "tokens \(ids)"))
    }
    lines.append(contentsOf: integrityLines(model.integrity))
    lines += model.notes.map { row("note", $0) }
    if let training = model.training { lines += statusLines(training) }
    return lines
  }

  private static func integrityLines(_ integrity: ModelInspection.Integrity) -> [String] {
    switch integrity {
    case .noManifest: [row("checksums", "none, written by another program")]
    case .sizesMatch: [row("checksums", "not compared; all sizes are right")]
    case .intact: [row("checksums", "all right")]
    case .damaged(let problems): problems.map { row("DAMAGED", $0) }
    }
  }

  private static func statusLines(_ training: ModelInspection.Training) -> [String] {
    let progress = training.status.progress
    var rate =
      "\(training.status.training.schedule.kind.rawValue), next rate "
      + String(format: "%.4g", training.learningRate)
    if let share = training.scheduleShare { rate += ", \(Readable.percent(share)) of the schedule" }
    return [
      row(
        "progress",
        "\(Readable.exact(progress.steps, of: "step")), "
          + "\(Readable.exact(progress.tokens, of: "token")), "
          + "\(Readable.scaled(progress.floatingPointOperations))FLOPs, "
          + "\(Readable.time(progress.seconds))"),
      row("schedule", rate), row("seed", String(training.status.training.seed)),
    ] + (training.newEntries ?? []).map { row("new entries", text($0)) }
      + healthLines(training.status.health)
      + training.status.lineage.map { entry in
        let source = entry.source.map { " from \($0)" } ?? ""
        let hash = entry.sourceHash.map { " (SHA-256 \($0.prefix(12))…)" } ?? ""
        return row("lineage", "step \(entry.step): \(entry.operation)\(source)\(hash)")
      }
  }

  /// How the entries that a growth made are trained.
  private static func text(_ mark: ModelInspection.NewEntryMark) -> String {
    let place =
      "in \(Readable.exact(mark.tensorCount, of: "tensor")), grown "
      + "\(Readable.exact(mark.updates, of: "step")) ago: "
    let rate = mark.rate.map {
      "\(Readable.count((mark.factor * 1000).rounded() / 1000)) times the learning rate, going to 1 "
        + "at step \(Readable.exact($0.steps)) after the growth"
    }
    let count = mark.hasOwnCount ? "their moments began at zero and are corrected for it" : nil
    return place + [rate, count].compactMap { $0 }.joined(separator: "; ")
  }

  private static func healthLines(_ health: TrainingHealth?) -> [String] {
    guard let health, health.skippedBatches + health.rollbacks > 0 else { return [] }
    return [
      row(
        "trouble",
        "batches left out: \(Readable.exact(health.skippedBatches)), went back "
          + "\(Readable.exact(health.rollbacks, of: "time")), "
          + "\(Readable.count(health.abandoned.tokens)) tokens abandoned")
    ]
  }

  private static func modelLines(_ model: ModelConfiguration) -> [String] {
    var shape =
      "\(model.family.name), \(Readable.exact(model.layerCount, of: "layer")), "
      + "hidden \(model.hiddenSize), "
      + "\(Readable.exact(model.headCount, of: "head")) of \(model.headSize)"
    if model.keyValueHeadCount != model.headCount {
      shape += " (\(model.keyValueHeadCount) of keys and values)"
    }
    return [
      row("model", shape),
      row(
        "sizes",
        "intermediate \(model.intermediateSize), vocabulary \(model.vocabularySize), context "
          + "\(model.contextLength), head \(model.tiesHead ? "tied" : "of its own")"),
    ]
  }

  private static func lines(_ file: TensorFileInspection) -> [String] {
    let bytes = file.tensors.reduce(0) { $0 + $1.bytes }
    let width = file.tensors.map(\.name.count).max() ?? 0
    return [
      "Tensors \(file.path)",
      row(
        "total",
        "\(Readable.exact(file.tensors.count, of: "tensor")), "
          + "\(Readable.exact(file.elementCount, of: "element")), "
          + Readable.bytes(bytes)),
    ]
      + file.metadata.sorted { $0.key < $1.key }.map { row("metadata", "\($0.key): \($0.value)") }
      + file.tensors.map {
        "  " + pad($0.name, width) + "  " + pad($0.type, 5) + " "
          + "[\($0.shape.map(String.init).joined(separator: ", "))]"
      }
  }

  private static func lines(_ tokens: TokenDatasetSummary) -> [String] {
    var lines = [
      "Tokens \(tokens.path)",
      row(
        "tokenizer",
        "vocabulary \(tokens.vocabularySize), SHA-256 \(tokens.tokenizerFingerprint.prefix(12))…"),
      row(
        "text",
        "\(Readable.bytes(tokens.textByteCount)), validation by \(tokens.validation.rule.rawValue)"),
    ]
    for split in tokens.splits {
      let checksums =
        switch split.checksums {
        case .unchecked: "checksums not compared"
        case .intact: "checksums all right"
        case .damaged: "DAMAGED"
        }
      lines.append(
        row(
          split.name,
          "\(Readable.exact(split.tokenCount, of: "token")), "
            + "\(Readable.exact(split.documentCount, of: "document")), "
            + "\(Readable.exact(split.files.count, of: "shard")), "
            + "\(Readable.bytes(split.byteCount)), \(checksums)"))
    }
    return lines + tokens.faults.map { row("DAMAGED", $0) }
  }

  private static func row(_ label: String, _ text: String) -> String {
    "  " + pad(label, 11) + " " + text
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
