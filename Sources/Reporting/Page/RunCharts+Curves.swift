// SPDX-License-Identifier: Apache-2.0
import RunLogs

extension RunCharts {
  /// Before this share of the longest run's length nothing is drawn on logarithmic axes: the first
  /// steps would take most of the room.
  private static let shownShare = 1.0 / 500

  var names: String { runs.map(\.name).joined(separator: ", ") }

  /// The last losses, for readers who cannot see the chart.
  var outcome: String {
    runs.compactMap { run in
      run.lastEvaluation.map {
        "\(run.name) ends at \(NumberStyle.loss($0.validationLoss)) after "
          + "\(NumberStyle.power.text($0.flops)) FLOPs."
      }
    }.joined(separator: " ")
  }

  func minus(_ value: Double) -> String { NumberStyle.plain.label(value) }

  func axis(_ measure: RunCourse.Measure, _ scale: AxisScale) -> Chart.Axis {
    Chart.Axis(measure.label, scale: scale, style: measure.style)
  }

  /// Where a measure's axis begins.
  private func start(_ measure: RunCourse.Measure) -> Double {
    let ends =
      runs.compactMap { $0.course.steps.last?.amount(measure) }
      + runs.compactMap { $0.course.evaluations.last?.amount(measure) }
    return (ends.filter(\.isFinite).max() ?? 0) * Self.shownShare
  }

  /// Validation with dots; training as a thin line behind it.
  func lossSeries(_ index: Int, _ measure: RunCourse.Measure) -> [Chart.Series] {
    let run = runs[index]
    let isAlone = runs.count == 1
    let start = start(measure)
    let training = CurveSmoothing.binned(
      run.course.trainingCurve(measure).filter { $0.x >= start }, scale: .logarithmic, count: 160)
    let validation = run.course.validationCurve(measure).filter { $0.x >= start && $0.y.isFinite }
    var series: [Chart.Series] = []
    if !training.isEmpty {
      series.append(
        Chart.Series(
          isAlone ? "training" : run.name, training.map(\.point),
          band: isAlone ? training.map(\.range) : nil,
          style: validation.isEmpty ? .plain : .faint, colour: colour(of: index),
          legend: isAlone ? "training" : validation.isEmpty ? legend(of: index) : nil))
    }
    if !validation.isEmpty {
      series.append(
        Chart.Series(
          isAlone ? "validation" : run.name, validation, style: .dotted,
          colour: colour(of: index), legend: isAlone ? "validation" : legend(of: index)))
    }
    return series
  }

  /// The moments of growth, and of trouble.
  func marks(_ measure: RunCourse.Measure) -> [Chart.Mark] {
    let start = start(measure)
    return runs.indices.flatMap { index in
      let growths = runs[index].course.growths.enumerated().map { number, event in
        (event, Self.label(event, number: number + 1))
      }
      let troubles = runs[index].course.troubles.suffix(Self.mostTroubles).map {
        ($0, Self.label(trouble: $0))
      }
      return (growths + troubles).filter { $0.0.amount(measure) >= start }.map { event, label in
        Chart.Mark(x: event.amount(measure), label: label, colour: colour(of: index))
      }
    }
  }

  /// More lines than this hide the curves; the page's table has all.
  private static let mostTroubles = 12

  /// What trouble is called at its line.
  private static func label(trouble event: EventRecord) -> String {
    switch event.event {
    case .batchSkipped: "batch left out"
    case .rolledBack: "went back"
    case .lossSpike: "loss spike"
    default: "not finite"
    }
  }

  /// What a growth is called at its line.
  private static func label(_ event: EventRecord, number: Int) -> String {
    guard case .text(let label)? = event.details["label"] else { return "growth \(number)" }
    return label
  }

  /// Slopes of each stage by itself, since growth may move the loss; a missing point lies between
  /// stages.
  func slopes(_ run: ReportedRun) -> [Chart.Point] {
    let start = start(.compute)
    let validation = run.course.validationCurve(.compute).filter { $0.y.isFinite }
    let curve =
      validation.count >= 12
      ? validation
      : CurveSmoothing.binned(
        run.course.trainingCurve(.compute).filter { $0.x >= start }, scale: .logarithmic,
        count: 80
      ).map(\.point)
    let borders = run.course.growths.map(\.flops) + [.infinity]
    var from = start
    return borders.flatMap { border in
      defer { from = border }
      let points = LossSlope(curve.filter { $0.x > from && $0.x <= border }).points
      return points + (border.isFinite ? [Chart.Point(border, .nan)] : [])
    }
  }

  /// A chart of something per step.
  func dynamics(
    _ title: String, label: String, style: NumberStyle, scale: AxisScale,
    fromZero: Bool = false, _ points: (ReportedRun) -> [Chart.Point]
  ) -> Chart {
    let series = runs.indices.map { index in
      Chart.Series(
        runs.count > 1 ? runs[index].name : label, points(runs[index]),
        colour: colour(of: index), legend: runs.count > 1 ? legend(of: index) : nil)
    }
    let highest = series.flatMap(\.points).map(\.y).filter(\.isFinite).max() ?? 0
    return Chart(
      title: title, description: "\(title) of \(names) against optimizer steps.",
      x: axis(.steps, .linear),
      y: .init(
        label, scale: scale, style: style,
        range: fromZero && highest > 0 ? 0...(highest * 1.08) : nil),
      series: series, marks: marks(.steps))
  }

  /// Amounts per second over groups of steps.
  static func rates(
    _ steps: [StepRecord], _ amount: (StepRecord) -> Double
  ) -> [Chart.Point] {
    let stride = max(1, steps.count / 150)
    let borders = Swift.stride(from: 0, to: steps.count, by: stride).map { steps[$0] }
    return zip(borders, borders.dropFirst()).compactMap { first, last in
      let seconds = last.seconds - first.seconds
      guard seconds > 0 else { return nil }
      return Chart.Point(Double(last.step), (amount(last) - amount(first)) / seconds)
    }
  }
}
