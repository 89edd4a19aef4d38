// SPDX-License-Identifier: Apache-2.0
import Foundation
import Planning
import Reporting

extension Chart {
  /// Measured curves and the law that was fitted to them: loss over optimizer steps, a colour for
  /// each curve, its points as dots and the law as a line.
  ///
  /// - Parameter firstStep: measurements before it were left out of the fit; the law's lines begin
  ///   there.
  public init(_ fit: LawFit, curves: [LossCurve], firstStep: Int = 1) {
    let names = ReportedRun.names(curves.map { Self.folder(of: $0.name) })
    let series = curves.enumerated().flatMap { index, curve in
      let points = curve.points.map { Chart.Point(Double($0.step), $0.loss) }
      return [
        Series(
          "\(names[index]) by the law", Self.line(fit.law, curve, firstStep), colour: index,
          legend: nil),
        Series(
          names[index], points, style: .points, colour: index,
          legend: "\(names[index]), N = \(NumberStyle.count.text(curve.parameterCount))"),
      ]
    }
    self.init(
      title: "The law and what it was fitted to",
      description: "Dots are measured validation losses, lines are the fitted law.",
      x: Axis("optimizer steps", scale: .logarithmic, style: .count),
      y: Axis("loss (nats per token)", scale: .logarithmic),
      series: series)
  }

  /// A run is known by its directory rather than by its log.
  private static func folder(of name: String) -> URL {
    let url = URL(filePath: name)
    return url.lastPathComponent == "log.jsonl" ? url.deletingLastPathComponent() : url
  }

  /// The law at 60 steps between the first and the last that were measured, evenly in log S.
  private static func line(
    _ law: ScalingLaw, _ curve: LossCurve, _ firstStep: Int
  ) -> [Chart.Point] {
    let steps = curve.points.map(\.step).filter { $0 >= firstStep }
    guard let first = steps.first, let last = steps.last, first < last else { return [] }
    let (low, high) = (log(Double(first)), log(Double(last)))
    return (0..<60).map { index in
      let step = exp(low + (high - low) * Double(index) / 59)
      return Chart.Point(step, law.loss(parameters: curve.parameterCount, steps: step))
    }
  }
}
