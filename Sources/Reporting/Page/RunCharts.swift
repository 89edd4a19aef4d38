// SPDX-License-Identifier: Apache-2.0
import RunLogs

/// The charts of a report: what of the runs' logs each shows.
public struct RunCharts: Sendable {
  /// The runs; the first has the first colour.
  public var runs: [ReportedRun]
  /// Slopes to mark.
  public var thresholds: [SlopeThreshold]

  /// Runs that share a colour and a line in the legend, since they differ only in their seed or
  /// length; empty where each run is by itself.
  public var groups: [Group]

  /// Runs that belong together.
  public struct Group: Sendable, Hashable {
    /// What the legend calls them.
    public var name: String
    /// The runs' names.
    public var runs: [String]

    /// Makes a group.
    public init(name: String, runs: [String]) {
      self.name = name
      self.runs = runs
    }
  }

  /// Makes the charts of runs.
  public init(
    _ runs: [ReportedRun], thresholds: [SlopeThreshold] = SlopeThreshold.published,
    groups: [Group] = []
  ) {
    self.runs = runs
    self.thresholds = thresholds
    self.groups = groups
  }

  /// The colour of a run: its group's, else one of its own.
  public func colour(of index: Int) -> Int {
    groups.firstIndex { $0.runs.contains(runs[index].name) } ?? groups.count + index
  }

  /// What the legend calls a run; nil where it shares the line of another.
  func legend(of index: Int) -> String? {
    let name = runs[index].name
    guard let group = groups.first(where: { $0.runs.contains(name) }) else { return name }
    return group.runs.first == name ? group.name : nil
  }

  /// Loss over one measure of a run's length, on logarithmic axes.
  public func loss(over measure: RunCourse.Measure) -> Chart {
    Chart(
      title: "Loss against \(measure.noun)",
      description: "Validation and training loss of \(names) against \(measure.noun), both axes "
        + "logarithmic, growth marked. " + outcome,
      x: axis(measure, .logarithmic), y: .init("loss (nats per token)", scale: .logarithmic),
      series: runs.indices.flatMap { lossSeries($0, measure) }, marks: marks(measure))
  }

  /// The slope of the loss, stage by stage, with the thresholds.
  public var slope: Chart {
    let series = runs.indices.map { index in
      Chart.Series(
        runs.count > 1 ? runs[index].name : "slope", slopes(runs[index]), style: .plain,
        colour: colour(of: index), legend: runs.count > 1 ? legend(of: index) : nil)
    }
    let values = series.flatMap(\.points).map(\.y).filter(\.isFinite).sorted()
    // A few wild values after a growth would press all others into a line.
    let low = values.isEmpty ? -0.3 : values[values.count / 12]
    return Chart(
      title: "Slope of the loss",
      description: "d log L / d log C of \(names) against compute, with thresholds "
        + thresholds.map { "\($0.name) \($0.slope)" }.joined(separator: ", ") + ".",
      x: axis(.compute, .logarithmic),
      y: .init(
        "d log L / d log C",
        range: max(-0.4, min(-0.1, low))...max(0.02, min(0.1, values.last ?? 0))
      ), series: series, marks: marks(.compute),
      references: thresholds.map { .init(y: $0.slope, label: "\($0.name) \(minus($0.slope))") })
  }

  /// The learning rate of each step.
  public var learningRate: Chart {
    dynamics("Learning rate", label: "learning rate", style: .plain, scale: .linear) { run in
      CurveSmoothing.binned(
        run.course.steps.map { .init(Double($0.step), $0.learningRate) }, scale: .linear,
        count: 300
      ).map(\.point)
    }
  }

  /// Tokens per second.
  public var throughput: Chart {
    dynamics(
      "Throughput", label: "tokens per second", style: .count, scale: .linear, fromZero: true
    ) { run in
      Self.rates(run.course.steps) { Double($0.tokens) }
    }
  }

  /// Floating-point operations per second.
  public var speed: Chart {
    dynamics(
      "Compute rate", label: "FLOPs per second", style: .power, scale: .linear, fromZero: true
    ) { run in
      Self.rates(run.course.steps) { $0.flops }
    }
  }

  /// The gradient's norm before the clip.
  public var gradientNorm: Chart {
    dynamics("Gradient norm", label: "gradient norm", style: .plain, scale: .logarithmic) { run in
      CurveSmoothing.binned(
        run.course.steps.map { .init(Double($0.step), $0.gradientNorm) }, scale: .linear,
        count: 300
      ).map(\.point)
    }
  }
}

extension RunCourse.Measure {
  /// What it is called in a sentence.
  var noun: String {
    switch self {
    case .compute: "compute"
    case .tokens: "tokens"
    case .steps: "steps"
    case .seconds: "time"
    }
  }

  /// How its numbers are written.
  var style: NumberStyle {
    switch self {
    case .compute: .power
    case .tokens, .steps: .count
    case .seconds: .seconds
    }
  }

  /// The label of its axis.
  var label: String {
    switch self {
    case .compute: "compute (FLOPs)"
    case .tokens: "tokens"
    case .steps: "optimizer steps"
    case .seconds: "wall time (seconds)"
    }
  }
}
