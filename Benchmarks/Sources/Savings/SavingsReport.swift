// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// A bed's tables and pictures.
public struct SavingsReport {
  let summary: Summary

  /// Makes a report.
  public init(_ summary: Summary) { self.summary = summary }

  /// The section of a report in Markdown.
  public var markdown: String {
    let bed = summary.bed
    var parts = ["## \(bed.title)", armTable, frontierTable, sweepTable]
    if let spread = summary.spread {
      parts.append(
        "Seeds scatter by \(percent(spread.deviation, 2)) of the loss (standard deviation of log loss, "
          + "pooled over all arms, \(spread.degrees) degrees of freedom); intervals are of 95 %.")
    }
    if let times = summary.times {
      parts.append(
        "Seconds: every model's step measured alone on \(times.machine), engine \(times.engine): "
          + times.seconds.sorted { $0.value < $1.value }.map {
            "\(short($0.key)) \(String(format: "%.1f", $0.value * 1e3)) ms"
          }.joined(separator: ", ") + ".")
    }
    if !summary.missing.isEmpty {
      parts.append("Still to be run: \(summary.missing.map(\.name).joined(separator: ", ")).")
    }
    return parts.joined(separator: "\n\n") + "\n"
  }

  /// Loss over compute at the ends of runs: the frontier's sizes as lines, the arms as points.
  public var chart: Chart {
    let frontier = summary.frontier.sizes.enumerated().map { index, points in
      Chart.Series(
        short(points[0].size) + " from scratch",
        points.map { Chart.Point($0.cost, exp($0.logLoss)) }, style: .dotted,
        colour: index)
    }
    let arms = summary.arms.filter { !$0.arm.isFrontier }.enumerated().map { index, arm in
      Chart.Series(
        arm.arm.name, [Chart.Point(arm.flops, arm.meanLoss)], style: .dotted,
        colour: index + frontier.count)
    }
    return Chart(
      title: summary.bed.title,
      description: "Final validation loss against operations of training, tuned, mean over seeds.",
      x: .init("FLOPs", scale: .logarithmic, style: .power),
      y: .init("validation loss", scale: .logarithmic), series: frontier + arms)
  }

  // MARK: Tables

  private var armTable: String {
    var lines = [
      "| arm | peak | TFLOPs | loss, each seed | operations saved at equal loss | time saved | loss at equal "
        + "compute | saved on undecayed curves |",
      "|---|---|---|---|---|---|---|---|",
    ]
    for arm in summary.arms where !arm.arm.isFrontier {
      lines.append(
        "| \(arm.arm.about) | \(rate(arm)) | \(teraFLOPs(arm.flops)) | \(losses(arm)) | "
          + "\(saving(arm.operations)) | \(saving(arm.time)) | "
          + "\(arm.operations.map { signed($0.lossAtEqualCost, 1) } ?? "–") | "
          + "\(undecayed(arm.undecayed)) |")
    }
    return lines.joined(separator: "\n")
  }

  private var frontierTable: String {
    var lines = [
      "| from scratch | peak | TFLOPs | loss, each seed | slope to the next length |",
      "|---|---|---|---|---|",
    ]
    for arm in summary.arms where arm.arm.isFrontier {
      let next = summary.frontier.sizes.first { $0.contains { $0.name == arm.arm.name } }
        .flatMap { points in
          zip(points, points.dropFirst()).first { $0.0.name == arm.arm.name }
        }
      let slope = next.map { ($1.logLoss - $0.logLoss) / log($1.cost / $0.cost) }
      lines.append(
        "| \(arm.arm.about) | \(rate(arm)) | \(teraFLOPs(arm.flops)) | \(losses(arm)) | "
          + "\(slope.map { String(format: "%.3f", $0) } ?? "") |")
    }
    return lines.joined(separator: "\n")
  }

  private var sweepTable: String {
    let rates = Set(summary.arms.flatMap { $0.sweep.map(\.rate) }).sorted()
    var lines = [
      "| peaks by the first seed | \(rates.map(PlannedRun.written).joined(separator: " | ")) |",
      "|---|\(rates.map { _ in "---|" }.joined())",
    ]
    for arm in summary.arms {
      let cells = rates.map { rate -> String in
        guard let tried = arm.sweep.first(where: { $0.rate == rate }) else { return "" }
        let text = tried.loss.map { String(format: "%.3f", $0) } ?? "broke down"
        return rate == arm.rate ? "**\(text)**" : text
      }
      lines.append("| \(arm.arm.name) | \(cells.joined(separator: " | ")) |")
    }
    return lines.joined(separator: "\n")
  }

  // MARK: Words

  private func rate(_ arm: Summary.Arm) -> String {
    PlannedRun.written(arm.rate) + (arm.isClosed ? "" : " (not closed in)")
  }

  private func losses(_ arm: Summary.Arm) -> String {
    arm.losses.map { String(format: "%.3f", $0) }.joined(separator: ", ")
  }

  private func saving(_ saving: Saving?) -> String {
    guard let saving else { return "–" }
    let interval = saving.interval.map { " (\(range($0)))" } ?? ""
    let note = saving.isExtrapolated ? ", beyond the frontier" : ""
    return "**\(percent(saving.atEqualLoss, 1))**\(interval); seeds \(range(saving.seeds))\(note)"
  }

  private func undecayed(_ saving: UndecayedSaving?) -> String {
    guard let saving else { return "–" }
    return (saving.isLowerBound ? "≥ " : "") + percent(saving.saved, 0)
      + " at \(String(format: "%.3f", saving.loss))"
  }

  private func range(_ range: ClosedRange<Double>) -> String {
    "\(String(format: "%.1f", range.lowerBound * 100)) to \(percent(range.upperBound, 1))"
  }

  private func percent(_ share: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f %%", share * 100)
  }

  private func signed(_ share: Double, _ digits: Int) -> String {
    String(format: "%+.\(digits)f %%", share * 100)
  }

  private func teraFLOPs(_ flops: Double) -> String { String(format: "%.1f", flops / 1e12) }

  /// `8 × 64, 4 heads, …` as `8 × 64`.
  private func short(_ model: String) -> String {
    String(model.prefix { $0 != "," })
  }
}
