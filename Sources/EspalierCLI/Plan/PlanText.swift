// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// Plans as people read them.
enum PlanText {
  /// The schedule between two curves.
  static func lines(_ plan: CurvePlan) -> [String] {
    func row(_ name: String, _ point: LossCurve.Point, _ slope: Double?) -> [String] {
      [
        name, String(point.step), String(format: "%.3f", point.loss),
        slope.map { String(format: "%.4f", $0) } ?? "", Readable.scaled(point.flops) + "FLOPs",
      ]
    }
    let rows = [
      ["", "step", "loss", "slope", "compute"],
      row("pre-growth point", plan.preGrowth.point, plan.preGrowth.slope),
      row("growth target", plan.growthTarget, nil),
      row("optimality", plan.optimality.point, plan.optimality.slope),
    ]
    return TextTable.lines(rows) + [
      "",
      "S1/S2   \(String(format: "%.3f", plan.growthRatio))",
      "saving  \(percent(plan.saving)) of the large model's compute from scratch to optimality",
      "",
      "Compute is \(plan.computeCount.explanation); slopes by the \(plan.method.rawValue) detector.",
    ]
  }

  /// Stages.
  static func lines(_ plan: StagePlan) -> [String] {
    var rows = [
      ["stage", "model", "N", "steps", "loss", "compute", "then", "slope", "ρ", "as step"]
    ]
    for (index, stage) in plan.stages.enumerated() {
      let growth = stage.growth
      rows.append([
        String(index + 1), name(stage.model), Readable.count(stage.parameterCount),
        Readable.exact(stage.steps), String(format: "%.3f", stage.loss),
        Readable.scaled(plan.computeCount == .sixN ? stage.flopsBySixN : stage.exactFLOPs)
          + "FLOPs",
        growth?.operation ?? "stop",
        String(format: "%.4f", growth?.slopeThreshold ?? slopeAtEnd(plan)),
        growth.map { String(format: "%.3f", $0.growthRatio) } ?? "",
        growth.map { Readable.exact($0.targetStep) } ?? "",
      ])
    }
    return ["Law: \(plan.lawSource)", ""] + TextTable.lines(rows) + [""] + totals(plan)
      + late(plan) + [""] + plan.notes.map { "- \($0)" }
  }

  /// What a run that follows the plan is about to do.
  static func summary(_ plan: StagePlan) -> [String] {
    var rows = [["stage", "model", "steps", "then", "ρ", "loss by the law"]]
    for (index, stage) in plan.stages.enumerated() {
      rows.append([
        String(index + 1), name(stage.model), Readable.exact(stage.steps),
        stage.growth?.operation ?? "stop",
        stage.growth.map { String(format: "%.3f", $0.growthRatio) } ?? "",
        String(format: "%.3f", stage.loss),
      ])
    }
    let interval = plan.saving.interval.map {
      " (\(percent($0.low)) to \(percent($0.high)))"
    }
    return ["Planned by \(plan.lawSource):"] + TextTable.lines(rows) + [
      "expected saving \(percent(plan.saving.share))\(interval ?? ", interval unknown") of the compute "
        + "from scratch"
    ]
  }

  /// A fitted law.
  static func lines(_ fit: LawFit) -> [String] {
    let undetermined = fit.undetermined
    func row(
      _ name: String, _ format: String, of exponent: String = "", _ number: (ScalingLaw) -> Double
    ) -> [String] {
      if undetermined.contains(exponent) { return [name, "not determined", ""] }
      let interval = fit.interval(number)
      return [
        name, String(format: format, number(fit.law)),
        String(format: "\(format) … \(format)", interval.low, interval.high),
      ]
    }
    var rows = [
      ["", "value", "\(Readable.percent(fit.confidence)) interval"],
      row("αN", "%.4f", of: "αN", \.sizeExponent), row("Nc", "%.3g", of: "αN", \.sizeScale),
      row("αS", "%.4f", of: "αS", \.stepExponent), row("Sc", "%.4g", of: "αS", \.stepScale),
    ]
    if fit.law.irreducibleLoss > 0 { rows.append(row("E", "%.4f", \.irreducibleLoss)) }
    return ["L(N, S) = E + (Nc/N)^αN + (2·Sc/S)^αS"] + TextTable.lines(rows)
      + ["relative error \(String(format: "%.2f", 100 * fit.relativeError)) % a point"]
      + (undetermined.isEmpty
        ? []
        : [
          "The curves do not determine \(undetermined.joined(separator: " and ")); train longer ones, or "
            + "more sizes."
        ]) + [""]
  }

  private static func slopeAtEnd(_ plan: StagePlan) -> Double {
    guard let last = plan.stages.last else { return .nan }
    return plan.law.slope(
      parameters: Double(last.parameterCount), steps: Double(last.effectiveStart + last.steps))
  }

  private static func totals(_ plan: StagePlan) -> [String] {
    let interval = plan.saving.interval.map {
      " (\(Readable.percent(plan.saving.confidence ?? 0)) interval \(percent($0.low)) to "
        + "\(percent($0.high)))"
    }
    let loss = String(format: "%.3f", plan.loss)
    return [
      "            6N          executed",
      "staged      \(flops(plan.flopsBySixN))\(Readable.scaled(plan.exactFLOPs))FLOPs",
      "scratch     \(flops(plan.scratch.flopsBySixN))\(Readable.scaled(plan.scratch.exactFLOPs))FLOPs,"
        + " \(Readable.exact(plan.scratch.steps, of: "step")) to the same loss of \(loss)",
      "saving      \(percent(plan.saving.share))\(interval ?? ", interval unknown")",
      "optimality  slope \(String(format: "%.4f", plan.optimalitySlope)) against compute at a "
        + "constant batch",
    ]
  }

  private static func late(_ plan: StagePlan) -> [String] {
    guard !plan.lateExpansion.isEmpty else { return [] }
    return ["", "To try beside, late depth expansion under warm-up, stable, decay (not priced):"]
      + plan.lateExpansion.map {
        "  \(name($0.model)) for \(Readable.exact($0.smallSteps, of: "step")), then the target for "
          + "\(Readable.exact($0.targetSteps)): \(percent($0.computeSavedAtEqualTokens)) less compute "
          + "at equal tokens"
      }
  }

  private static func name(_ model: ModelConfiguration) -> String {
    "\(model.layerCount) × \(model.hiddenSize), \(Readable.exact(model.headCount, of: "head"))"
  }

  private static func flops(_ value: Double) -> String {
    (Readable.scaled(value) + "FLOPs").padding(toLength: 12, withPad: " ", startingAt: 0)
  }

  private static func percent(_ share: Double) -> String { Readable.exactPercent(share) }
}
