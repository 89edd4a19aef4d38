// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// Makes the tables and pictures of the report out of both experiments' results.
struct Report {
  let dynamics: Measurements
  let symmetry: Measurements
  let folder: URL
  /// The step of the growth in both experiments.
  private let growth = 600
  private let symmetryGrowth = 2500

  private let widthArms = [
    "width", "width, moments reset", "width, as released", "width, no noise",
    "width, noise at 0 dB", "width, noise at 20 dB", "width, divided copies",
    "width, no re-warm-up",
  ]
  private let depthArms = [
    "depth", "depth, by norm", "depth, stacked copies",
  ]
  private let symmetryArms = [
    "small", "copies kept, small rates", "copies kept", "unequal shares", "noise",
  ]

  /// Prints the tables as Markdown and writes the pictures.
  func write() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    print(symmetryTable())
    print(slopeTable())
    print(endTable())
    print(armTable(widthArms))
    print(armTable(depthArms))
    for (name, chart) in [
      ("growth-symmetry-loss", symmetryLossChart), ("growth-symmetry-distance", distanceChart),
      ("growth-width", dynamicsChart("half width", "width")),
      ("growth-depth", dynamicsChart("half depth", "depth")),
    ] {
      try Data(SVGChart(chart).file.utf8).write(to: folder.appending(path: "\(name).svg"))
    }
  }

  // MARK: Symmetry

  private func symmetryTable() -> String {
    var lines = [
      "| | loss after 100 steps | 200 | 300 | 800 | distance of copies after 200 | 800 |",
      "|---|---|---|---|---|---|---|",
    ]
    for run in symmetryArms {
      let seeds = symmetry.seeds(of: run)
      let losses = [100, 200, 300, 800].map { after in
        Spread(
          seeds.compactMap { symmetry.curve(run, $0).loss(at: Double(symmetryGrowth + after)) },
          digits: 3
        )
        .map(\.description) ?? "–"
      }
      let distances = [200, 800].map { after -> String in
        let values = seeds.flatMap { symmetry.distances(run, $0) }
          .filter { $0.step == symmetryGrowth + after }.map(\.distance)
        return values.isEmpty
          ? "" : String(format: "%.1e", values.reduce(0, +) / Double(values.count))
      }
      lines.append("| \(run) | \((losses + distances).joined(separator: " | ")) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private var symmetryLossChart: Chart {
    Chart(
      title: "Loss after growing 32 to 128 wide, by how the copies are parted",
      description: "Without noise the grown model stays at the small model's loss.",
      x: .init("optimizer steps"), y: .init("validation loss, nats per token"),
      series: symmetryArms.enumerated().map { index, run in
        series(run, symmetry, index) { step, _ in step }.from(Double(symmetryGrowth - 500))
      }, marks: [.init(x: Double(symmetryGrowth), label: "growth")])
  }

  private var distanceChart: Chart {
    Chart(
      title: "Mean cosine distance of copies",
      description: "Copies part with noise and, slower, with unequal shares; else never.",
      x: .init("optimizer steps"), y: .init("distance"),
      series: symmetryArms.dropFirst().enumerated().map { index, run in
        let curves = symmetry.seeds(of: run).map { symmetry.distances(run, $0) }
        let points = (0..<(curves.map(\.count).min() ?? 0)).map { place in
          Chart.Point(
            Double(curves[0][place].step),
            curves.reduce(0) { $0 + $1[place].distance } / Double(curves.count))
        }
        return Chart.Series(run, points, style: .plain, colour: index + 1)
      })
  }

  // MARK: Dynamics

  /// How fast a grown model's loss falls beside the from-scratch run's, between the same losses.
  private func slopeTable() -> String {
    var lines = [
      "| operator | seed | loss before | at once | slope after | slope from scratch | speed |",
      "|---|---|---|---|---|---|---|",
    ]
    for (small, run, ratio) in [("half width", "width", 1.776), ("half depth", "depth", 1.412)] {
      var speeds: [Double] = []
      for seed in dynamics.seeds(of: run) {
        guard let row = slopes(small, run, ratio, seed) else { continue }
        speeds.append(row.speed)
        lines.append(
          "| \(run) | \(seed) | "
            + [row.before, row.after].map { String(format: "%.4f", $0) }.joined(separator: " | ")
            + " | "
            + [row.slope, row.scratch, row.speed].map { String(format: "%.3f", $0) }
            .joined(separator: " | ") + " |")
      }
      if let spread = Spread(speeds) { lines.append("| \(run) | all | | | | | \(spread) |") }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Where the runs stand at the end of the schedule, when the rate has fallen.
  private func endTable() -> String {
    var lines = ["| run | steps | compute, 10¹² FLOPs | loss at the end |", "|---|---|---|---|"]
    let runs = [
      "from scratch", "width", "width, schedule kept", "depth", "depth, schedule kept",
    ]
    for run in runs {
      let seeds = dynamics.seeds(of: run)
      let curves = seeds.map { dynamics.curve(run, $0) }
      let operations = seeds.compactMap { dynamics.operations(run, $0).values.max() }
      guard let steps = curves.first?.steps.last, let cost = operations.first,
        let losses = Spread(curves.compactMap(\.losses.last), digits: 3)
      else { continue }
      lines.append(
        "| \(run) | \(Int(steps)) | \(String(format: "%.1f", cost / 1e12)) | \(losses) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private typealias Slopes = (
    before: Double, after: Double, slope: Double, scratch: Double, speed: Double
  )

  /// Slopes d log L / d log C between 100 and 500 steps after the growth; compute counts from where a
  /// model of the grown size would stand.
  private func slopes(_ small: String, _ run: String, _ ratio: Double, _ seed: UInt64) -> Slopes? {
    let grown = dynamics.curve(run, seed)
    let scratch = dynamics.curve("from scratch", seed)
    let smoothed = Curve(steps: grown.steps, losses: grown.smoothed)
    guard let before = dynamics.curve(small, seed).losses.last, let after = grown.losses.first,
      let first = smoothed.loss(at: Double(growth + 100)),
      let last = smoothed.loss(at: Double(growth + 500)),
      let start = scratch.step(reaching: first), let end = scratch.step(reaching: last)
    else { return nil }
    let fall = log(last / first)
    let moved = Double(growth) / ratio
    return (
      before, after, fall / log((moved + 500) / (moved + 100)), fall / log(end / start),
      (end - start) / 400
    )
  }

  /// The losses some steps after the growth, and their difference from the first way's.
  private func armTable(_ arms: [String]) -> String {
    let places = [100, 250, 500]
    var lines = [
      "| growth | "
        + places.map { "after \($0) steps" }.joined(separator: " | ")
        + " | worse than the first, at 500 |",
      "|---" + String(repeating: "|---", count: places.count + 1) + "|",
    ]
    for arm in arms {
      let seeds = dynamics.seeds(of: arm)
      let losses = places.map { place in
        Spread(seeds.compactMap { loss(arm, $0, place) }, digits: 3)?.description ?? "–"
      }
      let differences = seeds.compactMap { seed in
        zip2(loss(arm, seed, 500), loss(arms[0], seed, 500)).map { $0 - $1 }
      }
      let difference = arm == arms[0] ? "" : Spread(differences, digits: 3)?.description ?? "–"
      lines.append("| \(arm) | \(losses.joined(separator: " | ")) | \(difference) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func loss(_ arm: String, _ seed: UInt64, _ after: Int) -> Double? {
    let curve = dynamics.curve(arm, seed)
    return Curve(steps: curve.steps, losses: curve.smoothed).loss(at: Double(growth + after))
  }

  private func zip2(_ x: Double?, _ y: Double?) -> (Double, Double)? {
    x.flatMap { x in y.map { (x, $0) } }
  }

  private func dynamicsChart(_ small: String, _ run: String) -> Chart {
    Chart(
      title: "\(run.capitalized) growth beside a run from scratch",
      description: "Means of the seeds with their ranges; compute includes the small model's.",
      x: .init("training compute, FLOPs", scale: .logarithmic, style: .power),
      y: .init("validation loss, nats per token", scale: .logarithmic),
      series: ["from scratch", small, run].enumerated().map { index, run in
        series(run, dynamics, index) { step, operations in operations ?? step }
      })
  }

  /// The mean of a run's seeds with the range.
  private func series(
    _ run: String, _ measurements: Measurements, _ colour: Int,
    x: (_ step: Double, _ operations: Double?) -> Double
  ) -> Chart.Series {
    let seeds = measurements.seeds(of: run)
    let curves = seeds.map { measurements.curve(run, $0) }
    let operations = seeds.first.map { measurements.operations(run, $0) } ?? [:]
    let steps = (curves.first?.steps ?? []).filter { step in
      step > 0 && curves.allSatisfy { $0.loss(at: step) != nil }
    }
    let spreads = steps.compactMap { step in Spread(curves.compactMap { $0.loss(at: step) }) }
    return Chart.Series(
      run, zip(steps, spreads).map { Chart.Point(x($0, operations[Int($0)]), $1.mean) },
      band: spreads.map { $0.low...$0.high }, colour: colour)
  }
}

extension Chart.Series {
  /// The part from a place on.
  fileprivate func from(_ x: Double) -> Chart.Series {
    let kept = points.indices.filter { points[$0].x >= x }
    return Chart.Series(
      name, kept.map { points[$0] }, band: band.map { band in kept.map { band[$0] } }, style: style,
      colour: colour)
  }
}
