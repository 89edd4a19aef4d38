// SPDX-License-Identifier: Apache-2.0
import Foundation

extension RunCharts {
  /// The share of the cost that the staged runs' curves saved, loss by loss.
  ///
  /// - Returns: nil where no loss is reached by all of them.
  public static func saving(staged: [ReportedRun], scratch: [ReportedRun]) -> Chart? {
    func curves(_ runs: [ReportedRun]) -> [MonotoneCurve] {
      runs.compactMap { MonotoneCurve($0.course.validationCurve(.compute, stage: .last)) }
    }
    let baselines = curves(scratch)
    guard let first = baselines.first, !staged.isEmpty else { return nil }
    let low = baselines.map(\.losses.lowerBound).max() ?? first.losses.lowerBound
    let high = baselines.map(\.losses.upperBound).min() ?? first.losses.upperBound
    guard low < high else { return nil }
    let losses = (0...120).map { low + (high - low) * Double($0) / 120 }
    let series = zip(staged.indices, staged).compactMap { index, run -> Chart.Series? in
      guard let curve = curves([run]).first else { return nil }
      let points = losses.compactMap { loss -> Chart.Point? in
        let others = baselines.compactMap { $0.amount(atLoss: loss) }
        guard let amount = curve.amount(atLoss: loss), others.count == baselines.count else {
          return nil
        }
        let mean = others.reduce(0) { $0 + log($1) } / Double(others.count)
        return Chart.Point(loss, -expm1(log(amount) - mean))
      }
      return points.count < 2 ? nil : Chart.Series(run.name, points, colour: index + 2)
    }
    guard !series.isEmpty else { return nil }
    return Chart(
      title: "Compute saved at equal loss",
      description: "The share of the FLOPs of the runs from scratch that each staged run saved, "
        + "against the validation loss.",
      x: .init("validation loss (nats per token)"), y: .init("saved", style: .percent),
      series: series, references: [.init(y: 0, label: "")])
  }

  /// The ends of runs, those from scratch joined to their frontier.
  public static func frontier(staged: [ReportedRun], scratch: [ReportedRun]) -> Chart {
    func ends(_ runs: [ReportedRun]) -> [Chart.Point] {
      runs.compactMap(\.lastEvaluation).map { Chart.Point($0.flops, $0.validationLoss) }
        .sorted { $0.x < $1.x }
    }
    let points = ends(scratch)
    let curve = MonotoneCurve(points)
    let line = points.compactMap { point in
      curve?.loss(atAmount: point.x).map { Chart.Point(point.x, $0) }
    }
    return Chart(
      title: "Ends against the frontier",
      description: "The last validation loss of each run against its compute; a line through the "
        + "runs from scratch.",
      x: .init("compute (FLOPs)", scale: .logarithmic, style: .power),
      y: .init("last loss (nats per token)", scale: .logarithmic),
      series: [
        Chart.Series("frontier", line, colour: 1, legend: nil),
        Chart.Series("staged", ends(staged), style: .points, colour: 0),
        Chart.Series("from scratch", points, style: .points, colour: 1),
      ])
  }
}
