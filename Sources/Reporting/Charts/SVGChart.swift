// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// A chart as SVG: on a page, where the page's style colours it and its script shows values, or as a
/// file of its own.
public struct SVGChart: Sendable {
  /// What is drawn.
  public var chart: Chart
  /// Width in pixels.
  public var width: Double
  /// Height in pixels.
  public var height: Double

  /// Makes a drawing; sizes below what the texts need are raised.
  public init(_ chart: Chart, width: Double = 720, height: Double = 420) {
    self.chart = chart
    self.width = max(240, width.isFinite ? width : 720)
    self.height = max(180, height.isFinite ? height : 420)
  }

  /// A file of its own, with its colours for light and dark in it.
  public var file: String {
    var markup = Markup()
    markup.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
    draw(in: &markup, identifier: "chart", style: PageStyle.chart)
    return markup.description + "\n"
  }

  /// Draws into a page whose style has the colours.
  ///
  /// - Parameter identifier: unique on the page.
  func draw(in markup: inout Markup, identifier: String, style: String? = nil) {
    let layout = ChartLayout(chart, width: width, height: height)
    markup.element(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg", "class": "chart", "role": "img",
        "viewBox": "0 0 \(Markup.pixels(width)) \(Markup.pixels(height))",
        "width": Markup.pixels(width), "height": Markup.pixels(height),
        "aria-labelledby": "\(identifier)-title \(identifier)-description",
      ]
    ) { svg in
      svg.element("title", ["id": "\(identifier)-title"], text: chart.title)
      svg.element("desc", ["id": "\(identifier)-description"], text: chart.description)
      if let style { svg.element("style") { $0.raw(style) } }
      guard !chart.isEmpty else {
        svg.element(
          "text",
          [
            "x": Markup.pixels(width / 2), "y": Markup.pixels(height / 2),
            "text-anchor": "middle",
          ], text: "nothing was recorded")
        return
      }
      let drawing = SVGDrawing(chart: chart, layout: layout, identifier: identifier)
      drawing.drawAxes(&svg)
      drawing.drawReferences(&svg)
      drawing.drawMarks(&svg)
      drawing.drawSeries(&svg)
      drawing.drawLegend(&svg)
    }
  }

  /// What the page's script needs to show values under the pointer.
  var hoverData: JSONValue {
    let layout = ChartLayout(chart, width: width, height: height)
    func axis(_ axis: Chart.Axis, _ span: AxisSpan, from start: Double, to end: Double) -> JSONValue
    {
      [
        "label": .string(Markup.shown(axis.label)), "style": .string(axis.style.rawValue),
        "log": .boolean(axis.scale == .logarithmic), "low": JSONValue(span.low),
        "high": JSONValue(span.high), "start": JSONValue(start), "end": JSONValue(end),
      ]
    }
    func number(_ value: Double) -> JSONValue {
      .number(NumberStyle.sixDigits(value))
    }
    let shown = chart.series.filter {
      ($0.style != .faint || $0.legend != nil) && !$0.points.isEmpty
    }
    let series = shown.map { series in
      let points = SVGDrawing.thinned(series.points, to: 400).filter {
        chart.x.scale.shows($0.x) && chart.y.scale.shows($0.y)
      }
      return [
        "name": .string(Markup.shown(series.name)),
        "colour": JSONValue(series.colour % PageStyle.colourCount),
        "x": .array(points.map { number($0.x) }), "y": .array(points.map { number($0.y) }),
      ] as JSONValue
    }
    return [
      "x": axis(chart.x, layout.xSpan, from: layout.left, to: layout.right),
      "y": axis(chart.y, layout.ySpan, from: layout.bottom, to: layout.top),
      "series": .array(series),
    ]
  }
}
