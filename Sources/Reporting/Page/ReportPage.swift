// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// A report of runs as one page of HTML that needs nothing else: charts, tables, recipes.
///
///     let page = ReportPage(runs: runs, comparison: comparison)
///     try Data(page.html.utf8).write(to: file)
///
/// The same runs give the same bytes. Every text from a run is escaped.
public struct ReportPage: Sendable {
  /// The runs; the staged ones first, where there is a comparison.
  public var runs: [ReportedRun]
  /// What the staged runs saved; nil for no comparison.
  public var comparison: RunComparison?
  /// Slopes to mark.
  public var thresholds: [SlopeThreshold]

  /// Makes a page.
  public init(
    runs: [ReportedRun], comparison: RunComparison? = nil,
    thresholds: [SlopeThreshold] = SlopeThreshold.published
  ) {
    self.runs = runs
    self.comparison = comparison
    self.thresholds = thresholds
  }

  /// The charts by the names of their files, in the order of the page.
  public var charts: [(name: String, chart: Chart)] {
    let charts = runCharts
    var all = RunCourse.Measure.allCases.map { ("loss-\($0.rawValue)", charts.loss(over: $0)) }
    if let chart = comparisonChart { all.append(chart) }
    all += [
      ("slope", charts.slope), ("learning-rate", charts.learningRate),
      ("gradient-norm", charts.gradientNorm), ("throughput", charts.throughput),
      ("compute-rate", charts.speed),
    ]
    return all
  }

  /// Charts in which the two sides of a comparison have a colour each.
  private var runCharts: RunCharts {
    guard let comparison, runs.count > 2 else { return RunCharts(runs, thresholds: thresholds) }
    func group(_ name: String, _ members: [RunComparison.Member]) -> RunCharts.Group {
      let count = members.count == 1 ? "" : " (\(members.count) runs)"
      return RunCharts.Group(name: name + count, runs: members.map(\.name))
    }
    return RunCharts(
      runs, thresholds: thresholds,
      groups: [group("staged", comparison.staged), group("from scratch", comparison.scratch)])
  }

  /// The savings loss by loss, where curves were compared, else the ends of the runs.
  private var comparisonChart: (name: String, chart: Chart)? {
    guard let comparison else { return nil }
    let names = Set(comparison.staged.map(\.name))
    let staged = runs.filter { names.contains($0.name) }
    let scratch = runs.filter { !names.contains($0.name) }
    guard comparison.basis == .curves else {
      return ("frontier", RunCharts.frontier(staged: staged, scratch: scratch))
    }
    return RunCharts.saving(staged: staged, scratch: scratch).map { ("saving", $0) }
  }

  /// The page.
  public var html: String {
    var page = Markup()
    page.raw("<!doctype html>\n")
    page.element("html", ["lang": "en"]) { html in
      html.element("head") { head(&$0) }
      html.element("body") { body in
        body.element("main") { main(&$0) }
        body.element("script") { $0.raw(PageScript.text) }
      }
    }
    return page.description + "\n"
  }

  private var title: String {
    guard let comparison else { return Self.list(runs.map(\.name)) }
    return "\(Self.list(comparison.staged.map(\.name))) against "
      + Self.list(comparison.scratch.map(\.name))
  }

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(3).joined(separator: ", ")
    return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
  }

  /// What tells a page of this program from any other.
  private static let mark = "<meta name=\"generator\" content=\"espalier report\">"
  /// How pages of before there was a mark begin, and what their titles end with.
  private static let olderMarks = [
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\"",
    " · Espalier report</title>",
  ]
  /// Bytes at a page's beginning that hold a mark, whatever its title.
  package static let markedByteCount = 1 << 16

  /// Whether a text begins as a page that this program made, of this version or an earlier one.
  package static func isPage(_ beginning: String) -> Bool {
    beginning.hasPrefix("<!doctype html>") && beginning.contains(mark)
      || beginning.hasPrefix(olderMarks[0]) && beginning.contains(olderMarks[1])
  }

  private func head(_ head: inout Markup) {
    head.raw("<meta charset=\"utf-8\">")
    head.raw(Self.mark)
    head.raw("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">")
    // Nothing is loaded from anywhere, whatever the page's texts say.
    head.raw(
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        + "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">")
    // An empty icon, so that a browser does not ask a server for one.
    head.raw("<link rel=\"icon\" href=\"data:,\">")
    head.element("title", text: "\(title) · Espalier report")
    head.element("style") { $0.raw(PageStyle.chart + PageStyle.page) }
  }

  private func main(_ main: inout Markup) {
    let tables = ReportTables(runCharts)
    main.element("h1", text: title)
    main.element(
      "p", ["class": "soft"],
      text:
        "A report of \(runs.count == 1 ? "one training run" : "\(runs.count) training runs"), made by espalier"
    )
    tables.drawLogProblems(&main)
    if let comparison { ComparisonSection(comparison).draw(&main) }
    tables.drawSummary(&main)
    drawCharts(&main)
    tables.drawStages(&main)
    tables.drawTroubles(&main)
    tables.drawVerification(&main)
    tables.drawLineage(&main)
    tables.drawRecipes(&main)
  }

  private func drawCharts(_ main: inout Markup) {
    let all = Dictionary(uniqueKeysWithValues: charts.map { ($0.name, $0.chart) })
    main.element("h2", text: "Loss")
    if let chart = all["loss-compute"] { drawLarge(chart, &main, identifier: "loss-compute") }
    main.element("p", ["class": "soft small"], text: legendText)
    drawGrid(["loss-tokens", "loss-steps", "loss-seconds", "saving", "frontier"], all, &main)
    main.element("h2", text: "Slope and dynamics")
    if let chart = all["slope"] { drawLarge(chart, &main, identifier: "slope") }
    main.element("p", ["class": "soft small"], text: Self.slopeText)
    drawGrid(["learning-rate", "gradient-norm", "throughput", "compute-rate"], all, &main)
  }

  private var legendText: String {
    let training =
      runs.count == 1
      ? "The pale line is the training loss, averaged over neighbouring steps; its band reaches from "
        + "the lowest to the highest step."
      : "Pale lines are training losses, averaged over neighbouring steps."
    let growth =
      runs.contains(where: \.isStaged)
      ? " Dashed vertical lines are moments of growth; compute and time are totals over all stages."
      : ""
    return "Dots are validations. \(training)\(growth) All axes are logarithmic."
  }

  private static let slopeText =
    "Least-squares slope of log loss over log compute, a fifth of a decade at a time, stage by stage. "
    + "Above a threshold it pays to grow by that operator, or, at optimality, to stop (published "
    + "thresholds, arXiv 2203.06211)."

  /// Charts in two columns; a last one without a neighbour is as wide as both.
  private func drawGrid(_ names: [String], _ charts: [String: Chart], _ main: inout Markup) {
    let shown = names.compactMap { name in charts[name].map { (name: name, chart: $0) } }
    main.element("div", ["class": "grid"]) { grid in
      for (name, chart) in shown.prefix(shown.count / 2 * 2) {
        drawFigure(chart, &grid, identifier: name, width: 520, height: 320, visibility: "")
      }
    }
    guard shown.count % 2 == 1, let last = shown.last else { return }
    drawLarge(last.chart, &main, identifier: last.name, height: 320)
  }

  /// A wide drawing, and a narrow one for small screens, on which the wide one's texts would be too
  /// small to read.
  private func drawLarge(
    _ chart: Chart, _ main: inout Markup, identifier: String, height: Double = 440
  ) {
    drawFigure(
      chart, &main, identifier: identifier, width: 1060, height: height, visibility: " wide-only")
    drawFigure(
      chart, &main, identifier: identifier + "-narrow", width: 440, height: 360,
      visibility: " narrow-only")
  }

  private func drawFigure(
    _ chart: Chart, _ parent: inout Markup, identifier: String, width: Double, height: Double,
    visibility: String
  ) {
    let drawing = SVGChart(chart, width: width, height: height)
    let kind = chart.isEmpty ? "" : " hovering"
    parent.element("figure", ["class": "card\(kind)\(visibility)"]) { figure in
      figure.element("h3", text: chart.title)
      drawing.draw(in: &figure, identifier: identifier)
      guard !chart.isEmpty else { return }
      figure.element("script", ["type": "application/json"]) {
        $0.raw(Self.embedded(drawing.hoverData))
      }
    }
  }

  /// JSON inside a script element, which no text in it can end.
  static func embedded(_ value: JSONValue) -> String {
    String(decoding: value.encoded(.compact), as: UTF8.self).replacing("<", with: "\\u003c")
  }
}
