// SPDX-License-Identifier: Apache-2.0
import CheckedInput

/// A chart in characters: curves in Braille dots, four high and two wide in each character.
///
///     print(TerminalPlot(chart, width: 80).text)
public struct TerminalPlot: Sendable {
  /// How series are told apart beside the signs that stand along them.
  public enum Colours: Sendable, Hashable {
    /// By the terminal's colours.
    case terminal
    /// By the signs alone.
    case none
  }

  /// What is drawn.
  public var chart: Chart
  /// Characters in a line.
  public var width: Int
  /// Lines of the plane, without axes and legend.
  public var height: Int
  /// How series are told apart beside their signs.
  public var colours: Colours

  /// Makes a plot; sizes that nothing fits in are raised.
  public init(_ chart: Chart, width: Int = 80, height: Int = 18, colours: Colours = .none) {
    self.chart = chart
    self.width = min(400, max(30, width))
    self.height = min(200, max(4, height))
    self.colours = colours
  }

  /// The plot, a line of text after another.
  public var text: String { lines.joined(separator: "\n") }

  /// The lines of text.
  public var lines: [String] {
    guard !chart.isEmpty else { return ["\(chart.title): nothing was recorded"] }
    let frame = Frame(chart, width: width, height: height)
    var canvas = BrailleCanvas(width: frame.columns, height: height)
    for mark in chart.marks { draw(mark, frame, &canvas) }
    for series in chart.series where series.style == .faint { draw(series, frame, &canvas) }
    for series in chart.series where series.style != .faint { draw(series, frame, &canvas) }
    for (index, series) in named.enumerated() where named.count > 1 {
      sign(series, with: Self.sign(index), phase: index, in: frame, on: &canvas)
    }
    let rows = (0..<height).map { row in
      pad(frame.yLabels[row] ?? "", to: frame.margin) + (frame.yLabels[row] == nil ? "│" : "┤")
        + canvas.row(row) { paint($0, colour: $1) }
    }
    return [chart.y.label] + rows + axis(frame) + legend
  }

  private func draw(_ series: Chart.Series, _ frame: Frame, _ canvas: inout BrailleCanvas) {
    var last: (Int, Int)?
    for point in series.points {
      guard let x = frame.x(point.x), let y = frame.y(point.y) else {
        last = nil
        continue
      }
      if let last, series.style != .points {
        canvas.line(from: last, to: (x, y), colour: series.colour)
      } else {
        canvas.dot(x, y, colour: series.colour)
      }
      last = (x, y)
    }
  }

  /// The series that the legend names.
  private var named: [Chart.Series] { chart.series.filter { $0.legend != nil } }

  private static let signs: [Character] = ["o", "x", "+", "*", "#", "@", "%", "&"]

  private static func sign(_ index: Int) -> Character { signs[index % signs.count] }

  /// Columns from one sign of a series to its next, and from one series' to another's.
  private static let signDistance = (own: 16, others: 4)

  /// Puts a series' sign along it, each series' at columns of its own, so that curves which lie on
  /// each other are both seen.
  private func sign(
    _ series: Chart.Series, with sign: Character, phase: Int, in frame: Frame,
    on canvas: inout BrailleCanvas
  ) {
    let own = Self.signDistance.own
    var next = 2 + phase * Self.signDistance.others % own
    var isSigned = false
    var last: (column: Int, row: Int)?
    for point in series.points {
      guard let x = frame.x(point.x), let y = frame.y(point.y) else {
        last = nil
        continue
      }
      let place = (column: x / 2, row: y / 4)
      let start = series.style == .points ? place : last ?? place
      last = place
      if series.style == .points, next < place.column { next = place.column }
      while next < start.column { next += own }
      while next <= place.column {
        let row = Self.row(at: next, from: start, to: place)
        canvas.sign(sign, column: next, row: row, colour: series.colour)
        isSigned = true
        next += own
      }
    }
    guard !isSigned, let last else { return }
    canvas.sign(sign, column: last.column, row: last.row, colour: series.colour)
  }

  /// The row of a column on a line.
  private static func row(
    at column: Int, from start: (column: Int, row: Int), to end: (column: Int, row: Int)
  ) -> Int {
    guard end.column > start.column else { return end.row }
    return start.row + (end.row - start.row) * (column - start.column) / (end.column - start.column)
  }

  private func draw(_ mark: Chart.Mark, _ frame: Frame, _ canvas: inout BrailleCanvas) {
    guard let x = frame.x(mark.x) else { return }
    for y in stride(from: 0, to: height * 4, by: 2) { canvas.dot(x, y, colour: mark.colour) }
  }

  /// The line below the plane, with its ticks, then their labels, then the axis's name.
  private func axis(_ frame: Frame) -> [String] {
    var ruler = [Character](repeating: "─", count: frame.columns)
    var labels = [Character](repeating: " ", count: frame.margin + 1 + frame.columns)
    var free = 0
    for (column, text) in frame.xLabels {
      ruler[column] = "┬"
      let start = max(0, frame.margin + 1 + column - text.count / 2)
      guard start >= free, start + text.count <= labels.count else { continue }
      labels.replaceSubrange(start..<start + text.count, with: text)
      free = start + text.count + 1
    }
    for mark in chart.marks {
      guard let x = frame.x(mark.x) else { continue }
      ruler[x / 2] = "▲"
    }
    let name = chart.marks.isEmpty ? chart.x.label : "\(chart.x.label); ▲ growth"
    let before = max(0, (frame.columns - name.count) / 2) + frame.margin + 1
    return [
      pad("", to: frame.margin) + "└" + String(ruler), trimmed(String(labels)),
      pad("", to: before) + name,
    ]
  }

  private var legend: [String] {
    guard named.count > 1 || colours == .terminal else { return [] }
    return named.enumerated().map { index, series in
      let line = named.count > 1 ? "━\(Self.sign(index))━" : "━━"
      return "  " + paint(line, colour: series.colour) + " " + (series.legend ?? "")
    }
  }

  /// The terminal's own colours, which its theme keeps readable.
  private static let codes = [34, 31, 32, 35, 33, 36, 37]

  private func paint(_ text: String, colour: Int) -> String {
    guard colours == .terminal else { return text }
    return "\u{1B}[\(Self.codes[abs(colour) % Self.codes.count])m\(text)\u{1B}[0m"
  }

  private func pad(_ text: String, to width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  private func trimmed(_ text: String) -> String {
    var text = text
    while text.last == " " { text.removeLast() }
    return text
  }
}

extension TerminalPlot {
  /// Where values lie on the canvas.
  private struct Frame {
    let margin: Int
    let columns: Int
    let height: Int
    let xSpan: AxisSpan
    let ySpan: AxisSpan
    /// Labels of the vertical axis by row.
    private(set) var yLabels: [Int: String] = [:]
    /// Labels of the horizontal axis with their columns.
    private(set) var xLabels: [(Int, String)] = []

    init(_ chart: Chart, width: Int, height: Int) {
      self.height = height
      let shown = chart.series.flatMap(\.points).filter {
        chart.x.scale.shows($0.x) && chart.y.scale.shows($0.y)
      }
      xSpan = AxisSpan(chart.x.scale, showing: shown.map(\.x), room: 0, range: chart.x.range)
      ySpan = AxisSpan(chart.y.scale, showing: shown.map(\.y), room: 0.02, range: chart.y.range)
      let ticks = AxisTicks(ySpan, count: max(2, height / 3))
      let texts = ticks.major.map { chart.y.style.label($0, step: ticks.step) }
      margin = min(width / 2, texts.map(\.count).max() ?? 0)
      columns = width - margin - 1
      for (value, text) in zip(ticks.major, texts) {
        if let row = y(value).map({ $0 / 4 }), yLabels[row] == nil { yLabels[row] = text }
      }
      let across = AxisTicks(xSpan, count: max(2, columns / 10))
      xLabels = across.major.compactMap { value in
        x(value).map { ($0 / 2, chart.x.style.label(value, step: across.step)) }
      }
    }

    /// The column of dots; nil outside the plane.
    func x(_ value: Double) -> Int? { Self.dot(xSpan.position(value), columns * 2) }

    /// The row of dots from the top; nil outside the plane.
    func y(_ value: Double) -> Int? {
      Self.dot(ySpan.position(value).map { 1 - $0 }, height * 4)
    }

    private static func dot(_ position: Double?, _ count: Int) -> Int? {
      guard let position, position > -1e-9, position < 1 + 1e-9 else { return nil }
      return min(count - 1, max(0, Int(bounding: position * Double(count))))
    }
  }
}
