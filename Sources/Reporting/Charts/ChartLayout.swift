// SPDX-License-Identifier: Apache-2.0
import CheckedInput

/// Where the parts of a chart stand, in pixels from the top left, so that no text meets another and
/// none leaves the picture.
struct ChartLayout {
  /// The whole picture.
  let width: Double
  let height: Double
  /// The plane of the curves.
  let left: Double
  let right: Double
  let top: Double
  let bottom: Double
  let xSpan: AxisSpan
  let ySpan: AxisSpan
  let xTicks: AxisTicks
  let yTicks: AxisTicks
  /// Ticks whose labels fit beside each other.
  let xLabels: [PlacedText]
  let yLabels: [PlacedText]
  let legend: [LegendItem]
  let markLabels: [PlacedText]
  let referenceLabels: [ReferenceLabel]
  let yTitleBaseline: Double

  static let fontSize = 12.0
  static let lineHeight = 16.0

  /// A text and the point it stands at: its left end, middle or right end on its baseline.
  struct PlacedText: Hashable {
    enum Anchor: String { case start, middle, end }
    var text: String
    var x: Double
    var y: Double
    var anchor: Anchor

    /// From its left to its right end.
    var extent: ClosedRange<Double> {
      let width = TextMeasure.width(text, size: ChartLayout.fontSize)
      switch anchor {
      case .start: return x...(x + width)
      case .middle: return (x - width / 2)...(x + width / 2)
      case .end: return (x - width)...x
      }
    }
  }

  struct LegendItem {
    var series: Int
    var text: PlacedText
  }

  /// The label of a horizontal line in the right margin, and the height of that line.
  struct ReferenceLabel {
    var text: PlacedText
    var line: Double
  }

  init(_ chart: Chart, width: Double, height: Double) {
    self.width = width
    self.height = height
    let points = chart.series.flatMap(\.points)
    let both = points.filter { chart.x.scale.shows($0.x) && chart.y.scale.shows($0.y) }
    let bands = chart.series.flatMap { $0.style == .faint ? [] : $0.band ?? [] }
    xSpan = AxisSpan(chart.x.scale, showing: both.map(\.x), room: 0.02, range: chart.x.range)
    ySpan = AxisSpan(
      chart.y.scale,
      showing: both.map(\.y) + bands.flatMap { [$0.lowerBound, $0.upperBound] }
        + chart.references.map(\.y), room: 0.05, range: chart.y.range)

    // From the top: legend, the rows of the marks' labels, the axis's title, the plane.
    let legend = Self.legend(chart, width: width)
    self.legend = legend.items
    yTitleBaseline = legend.bottom + Self.lineHeight
    let marksTop = yTitleBaseline + 6
    bottom = height - 2 * Self.lineHeight - 10

    let marks = Self.labelledMarks(chart, xSpan)
    let rows = min(Self.mostMarkRows, marks.count)
    top = marksTop + Double(rows) * Self.lineHeight + 4
    let yTicks = AxisTicks(ySpan, count: Int(bounding: (bottom - top) / 34))
    self.yTicks = yTicks
    let yTexts = yTicks.major.map { chart.y.style.label($0, step: yTicks.step) }
    left = 14 + (yTexts.map { TextMeasure.width($0, size: Self.fontSize) }.max() ?? 0)
    let margin =
      chart.references.map { TextMeasure.width($0.label, size: Self.fontSize) }.max().map {
        $0 + 18
      }
      ?? 16
    right = width - min(margin, width * 0.4)

    let plane = (left: left, right: right, top: top, bottom: bottom)
    xTicks = AxisTicks(xSpan, count: Int(bounding: (plane.right - plane.left) / 64))
    let (xSpan, ySpan) = (xSpan, ySpan)
    func x(_ value: Double) -> Double {
      plane.left + (xSpan.position(value) ?? 0) * (plane.right - plane.left)
    }
    func y(_ value: Double) -> Double {
      plane.bottom - (ySpan.position(value) ?? 0) * (plane.bottom - plane.top)
    }
    let step = xTicks.step
    xLabels = Self.apart(
      xTicks.major.map {
        PlacedText(
          text: chart.x.style.label($0, step: step), x: x($0),
          y: plane.bottom + Self.lineHeight + 2, anchor: .middle)
      }, within: 0...width)
    yLabels = zip(yTicks.major, yTexts).map {
      PlacedText(text: $1, x: plane.left - 8, y: y($0) + 4, anchor: .end)
    }
    markLabels = Self.marks(
      marks, rows: rows, x: x, left: plane.left, right: width - 4, top: marksTop)
    referenceLabels = Self.references(
      chart, y: y, x: plane.right + 10, width: width - plane.right - 12, top: plane.top,
      bottom: plane.bottom)
  }

  func x(_ value: Double) -> Double? {
    xSpan.position(value).map { left + $0 * (right - left) }
  }

  func y(_ value: Double) -> Double? {
    ySpan.position(value).map { bottom - $0 * (bottom - top) }
  }
}

extension ChartLayout {
  /// The most rows of marks' labels; marks beyond keep their line but have no label.
  static let mostMarkRows = 3

  /// Entries in rows from the left, as many as fit beside each other.
  private static func legend(
    _ chart: Chart, width: Double
  ) -> (items: [LegendItem], bottom: Double) {
    var items: [LegendItem] = []
    var (x, y) = (4.0, lineHeight - 3)
    for index in chart.series.indices {
      guard let name = chart.series[index].legend else { continue }
      let text = TextMeasure.fitting(name, width: width - 48, size: fontSize)
      let needed = 28 + TextMeasure.width(text, size: fontSize)
      if x > 4, x + needed > width - 4 {
        x = 4
        y += lineHeight
      }
      items.append(
        LegendItem(series: index, text: PlacedText(text: text, x: x + 28, y: y, anchor: .start)))
      x += needed + 18
    }
    return (items, items.isEmpty ? 0 : y + 4)
  }

  /// Marks with a label, of neighbours with the same label only the first.
  private static func labelledMarks(_ chart: Chart, _ span: AxisSpan) -> [Chart.Mark] {
    var kept: [Chart.Mark] = []
    for mark in chart.marks.sorted(by: { $0.x < $1.x }) where !mark.label.isEmpty {
      guard let position = span.position(mark.x), (-0.01...1.01).contains(position) else {
        continue
      }
      let isRepeated = kept.contains {
        $0.label == mark.label && position - (span.position($0.x) ?? 0) < 0.03
      }
      if !isRepeated { kept.append(mark) }
    }
    return kept
  }

  /// Labels at the top of their lines, each in the first row where it is free.
  private static func marks(
    _ marks: [Chart.Mark], rows rowCount: Int, x: (Double) -> Double, left: Double, right: Double,
    top: Double
  ) -> [PlacedText] {
    var rows = [[ClosedRange<Double>]](repeating: [], count: rowCount)
    return marks.compactMap { mark -> PlacedText? in
      let text = TextMeasure.fitting(mark.label, width: right - left, size: fontSize)
      let half = TextMeasure.width(text, size: fontSize) / 2
      let middle = min(max(x(mark.x), left + half), right - half)
      var placed = PlacedText(text: text, x: middle, y: 0, anchor: .middle)
      let extent = (placed.extent.lowerBound - 8)...(placed.extent.upperBound + 8)
      guard let row = rows.firstIndex(where: { !$0.contains { $0.overlaps(extent) } }) else {
        return nil
      }
      rows[row].append(placed.extent)
      placed.y = top + Double(rows.count - row) * lineHeight - 4
      return placed
    }
  }

  /// Labels beside their lines, pushed apart where lines lie close.
  private static func references(
    _ chart: Chart, y: (Double) -> Double, x: Double, width: Double, top: Double, bottom: Double
  ) -> [ReferenceLabel] {
    let shown = chart.references.filter { chart.y.scale.shows($0.y) }
      .map { (line: y($0.y), label: $0.label) }
      .filter { $0.line >= top - 1 && $0.line <= bottom + 1 }
      .sorted { $0.line < $1.line }
    let heights = spread(
      shown.map(\.line), distance: lineHeight - 2, within: (top + 4)...max(top + 4, bottom))
    return zip(shown, heights).map { reference, height in
      ReferenceLabel(
        text: PlacedText(
          text: TextMeasure.fitting(reference.label, width: width, size: fontSize), x: x,
          y: height + 4, anchor: .start),
        line: reference.line)
    }
  }

  /// Heights at least a distance apart, close to the wanted ones (ascending), within limits where
  /// they have room.
  static func spread(
    _ wanted: [Double], distance: Double, within limits: ClosedRange<Double>
  ) -> [Double] {
    var result = wanted
    for index in result.indices.dropFirst() {
      result[index] = max(result[index], result[index - 1] + distance)
    }
    // What left at the bottom goes up again, and pushes those above it.
    if let last = result.last, last > limits.upperBound {
      result[result.count - 1] = limits.upperBound
    }
    for index in result.indices.dropLast().reversed() {
      result[index] = min(result[index], result[index + 1] - distance)
    }
    return result
  }

  /// Those labels that do not meet the one before, and lie within the picture.
  private static func apart(
    _ labels: [PlacedText], within limits: ClosedRange<Double>
  ) -> [PlacedText] {
    var kept: [PlacedText] = []
    for var label in labels {
      let over = label.extent.upperBound - limits.upperBound
      if over > 0 { label.x -= over }
      guard label.extent.lowerBound >= limits.lowerBound else { continue }
      if let last = kept.last, label.extent.lowerBound < last.extent.upperBound + 8 { continue }
      kept.append(label)
    }
    return kept
  }
}
