// SPDX-License-Identifier: Apache-2.0

/// The parts of a chart as SVG elements.
struct SVGDrawing {
  let chart: Chart
  let layout: ChartLayout
  /// Unique on the page.
  let identifier: String

  private func pixels(_ value: Double) -> String { Markup.pixels(value) }

  func drawAxes(_ svg: inout Markup) {
    svg.element("g", ["class": "grid"]) { group in
      for (ticks, kind) in [(layout.xTicks.minor, "minor"), (layout.xTicks.major, "major")] {
        for x in ticks.compactMap({ layout.x($0) }) {
          line(&group, kind, from: (x, layout.top), to: (x, layout.bottom))
        }
      }
      for (ticks, kind) in [(layout.yTicks.minor, "minor"), (layout.yTicks.major, "major")] {
        for y in ticks.compactMap({ layout.y($0) }) {
          line(&group, kind, from: (layout.left, y), to: (layout.right, y))
        }
      }
      line(
        &group, "axis", from: (layout.left, layout.bottom), to: (layout.right, layout.bottom))
    }
    for label in layout.xLabels + layout.yLabels { text(&svg, label, "tick") }
    text(
      &svg,
      .init(text: chart.y.label, x: 4, y: layout.yTitleBaseline, anchor: .start), "label")
    text(
      &svg,
      .init(
        text: chart.x.label, x: (layout.left + layout.right) / 2, y: layout.height - 8,
        anchor: .middle), "label")
  }

  func drawReferences(_ svg: inout Markup) {
    for label in layout.referenceLabels {
      line(&svg, "reference", from: (layout.left, label.line), to: (layout.right, label.line))
      // A short stroke leads from the line to a label that had to make room.
      line(
        &svg, "leader", from: (layout.right, label.line),
        to: (label.text.x - 2, label.text.y - 4))
      text(&svg, label.text, "note")
    }
  }

  func drawMarks(_ svg: inout Markup) {
    for mark in chart.marks {
      guard let x = layout.x(mark.x), x >= layout.left - 1, x <= layout.right + 1 else { continue }
      line(
        &svg, "mark \(colour(mark.colour))", from: (x, layout.top - 3), to: (x, layout.bottom))
      svg.empty(
        "path",
        [
          "class": "dot \(colour(mark.colour))",
          "d": "M\(pixels(x - 5)),\(pixels(layout.bottom))h10l-5,-8z",
        ])
    }
    for label in layout.markLabels { text(&svg, label, "note") }
  }

  func drawSeries(_ svg: inout Markup) {
    svg.element("clipPath", ["id": "\(identifier)-plane"]) { clip in
      clip.empty(
        "rect",
        [
          "x": pixels(layout.left), "y": pixels(layout.top - 4),
          "width": pixels(layout.right - layout.left + 5),
          "height": pixels(layout.bottom - layout.top + 5),
        ])
    }
    svg.element("g", ["clip-path": "url(#\(identifier)-plane)"]) { group in
      for series in chart.series { drawBand(series, &group) }
      for series in chart.series { draw(series, &group) }
    }
  }

  private func draw(_ series: Chart.Series, _ svg: inout Markup) {
    let points = Self.thinned(series.points, to: 800).map(place)
    if series.style != .points {
      let kind = series.style == .faint ? "faint" : "line"
      let path = Self.path(points)
      if !path.isEmpty {
        let shape: KeyValuePairs = ["class": "\(kind) \(colour(series.colour))", "d": path]
        svg.empty("path", shape, dash(series).map { ["stroke-dasharray": $0] } ?? [:])
      }
    }
    guard series.style == .dotted || series.style == .points else {
      // A point without neighbours has no line.
      let alone = Self.lonePoints(points).map { dot(series.colour, $0) }.joined()
      if !alone.isEmpty {
        svg.empty("path", ["class": "dot \(colour(series.colour))", "d": alone])
      }
      return
    }
    // Dots stand apart, so that the line stays visible between them.
    var last: (x: Double, y: Double)?
    var dots = ""
    for point in points.compactMap({ $0 }) {
      if let last, series.style == .dotted, abs(last.x - point.x) + abs(last.y - point.y) < 9 {
        continue
      }
      last = point
      dots += dot(series.colour, point)
    }
    if !dots.isEmpty { svg.empty("path", ["class": "dot \(colour(series.colour))", "d": dots]) }
  }

  private func drawBand(_ series: Chart.Series, _ svg: inout Markup) {
    guard let band = series.band else { return }
    let edges = zip(series.points, band).compactMap { point, range -> (Double, Double, Double)? in
      guard let x = layout.x(point.x), let low = layout.y(range.lowerBound),
        let high = layout.y(range.upperBound)
      else { return nil }
      return (x, low, high)
    }
    guard edges.count > 1 else { return }
    let outline =
      edges.map { "\(pixels($0.0)),\(pixels($0.2))" }
      + edges.reversed().map { "\(pixels($0.0)),\(pixels($0.1))" }
    svg.empty(
      "path",
      ["class": "band \(colour(series.colour))", "d": "M\(outline.joined(separator: "L"))Z"])
  }

  func drawLegend(_ svg: inout Markup) {
    for item in layout.legend {
      let series = chart.series[item.series]
      let (x, y) = (item.text.x - 28, item.text.y - 4)
      if series.style != .points {
        let kind = series.style == .faint ? "faint" : "line"
        line(
          &svg, "\(kind) \(colour(series.colour))", from: (x, y), to: (x + 22, y),
          dash: dash(series))
      }
      if series.style == .dotted || series.style == .points {
        svg.empty(
          "path",
          ["class": "dot \(colour(series.colour))", "d": dot(series.colour, (x + 11, y))])
      }
      text(&svg, item.text, "key")
    }
  }

  private func place(_ point: Chart.Point) -> (x: Double, y: Double)? {
    guard let x = layout.x(point.x), let y = layout.y(point.y) else { return nil }
    return (x, y)
  }

  /// Curves of different colours also have dots of different shapes.
  private func dot(_ colour: Int, _ point: (x: Double, y: Double)) -> String {
    let (x, y) = (point.x, point.y)
    switch colour % 4 {
    case 0: return "M\(pixels(x - 3)),\(pixels(y))a3,3 0 1 0 6,0a3,3 0 1 0 -6,0z"
    case 1: return "M\(pixels(x - 3)),\(pixels(y - 3))h6v6h-6z"
    case 2: return "M\(pixels(x - 4)),\(pixels(y + 3))h8l-4,-7z"
    default: return "M\(pixels(x - 4)),\(pixels(y))l4,-4l4,4l-4,4z"
    }
  }

  /// Dashes of lines without dots, so that two of them differ without colour as well.
  private func dash(_ series: Chart.Series) -> String? {
    guard series.style == .plain else { return nil }
    let dashes = [nil, "9 4", "2 3", "9 3 2 3", "5 2", "12 3 2 3 2 3", "1 5"]
    return dashes[((series.colour % dashes.count) + dashes.count) % dashes.count]
  }

  private func colour(_ index: Int) -> String {
    let count = PageStyle.colourCount
    let cycle = index / count == 0 ? "" : " again"
    return "c\(((index % count) + count) % count)\(cycle)"
  }

  private func line(
    _ svg: inout Markup, _ kind: String, from start: (x: Double, y: Double),
    to end: (x: Double, y: Double), dash: String? = nil
  ) {
    svg.empty(
      "line",
      [
        "class": kind, "x1": pixels(start.x), "y1": pixels(start.y), "x2": pixels(end.x),
        "y2": pixels(end.y),
      ],
      dash.map { ["stroke-dasharray": $0] } ?? [:])
  }

  private func text(_ svg: inout Markup, _ text: ChartLayout.PlacedText, _ kind: String) {
    svg.element(
      "text",
      [
        "class": kind, "x": pixels(text.x), "y": pixels(text.y),
        "text-anchor": text.anchor.rawValue,
      ], text: text.text)
  }

  /// Points between two that are missing.
  private static func lonePoints(_ points: [(x: Double, y: Double)?]) -> [(x: Double, y: Double)] {
    points.indices.compactMap { index in
      let isAlone =
        (index == 0 || points[index - 1] == nil)
        && (index == points.count - 1 || points[index + 1] == nil)
      return isAlone ? points[index] : nil
    }
  }

  /// A path through the points, begun anew after each that is missing.
  private static func path(_ points: [(x: Double, y: Double)?]) -> String {
    var path = ""
    var isDown = false
    for point in points {
      guard let point else {
        isDown = false
        continue
      }
      path += "\(isDown ? "L" : "M")\(Markup.pixels(point.x)),\(Markup.pixels(point.y))"
      isDown = true
    }
    return path
  }

  /// At most about this many of the points, evenly chosen, the last among them.
  static func thinned(_ points: [Chart.Point], to most: Int) -> [Chart.Point] {
    guard points.count > most, let last = points.last else { return points }
    let stride = (points.count + most - 1) / most
    var kept = Swift.stride(from: 0, to: points.count, by: stride).map { points[$0] }
    if (points.count - 1) % stride != 0 { kept.append(last) }
    return kept
  }
}
