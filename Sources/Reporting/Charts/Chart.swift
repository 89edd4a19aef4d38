// SPDX-License-Identifier: Apache-2.0

/// A chart as data: what is drawn, not how.
///
/// ``SVGChart`` draws it for a page, ``TerminalPlot`` in characters. Values that an axis cannot show
/// (not finite, or not positive on a logarithmic axis) are left out and break the line.
public struct Chart: Sendable, Hashable {
  /// What the chart shows, in a few words.
  public var title: String
  /// What a reader who cannot see it should know.
  public var description: String
  /// The horizontal axis.
  public var x: Axis
  /// The vertical axis.
  public var y: Axis
  /// The curves, the first drawn first.
  public var series: [Series]
  /// Vertical lines: moments that mean something.
  public var marks: [Mark]
  /// Horizontal lines: values that mean something.
  public var references: [Reference]

  /// Makes a chart.
  public init(
    title: String, description: String = "", x: Axis, y: Axis, series: [Series],
    marks: [Mark] = [], references: [Reference] = []
  ) {
    self.title = title
    self.description = description
    self.x = x
    self.y = y
    self.series = series
    self.marks = marks
    self.references = references
  }

  /// One axis.
  public struct Axis: Sendable, Hashable {
    /// What it measures, with its unit.
    public var label: String
    /// How values are spread.
    public var scale: AxisScale
    /// How its numbers are written.
    public var style: NumberStyle
    /// What it shows; nil for what the curves need.
    public var range: ClosedRange<Double>?

    /// Makes an axis.
    public init(
      _ label: String, scale: AxisScale = .linear, style: NumberStyle = .plain,
      range: ClosedRange<Double>? = nil
    ) {
      self.label = label
      self.scale = scale
      self.style = style
      self.range = range
    }
  }

  /// A point of a curve.
  public struct Point: Sendable, Hashable {
    /// Along the horizontal axis.
    public var x: Double
    /// Along the vertical axis.
    public var y: Double

    /// Makes a point.
    public init(_ x: Double, _ y: Double) {
      self.x = x
      self.y = y
    }
  }

  /// How a curve is drawn.
  public enum LineStyle: String, Sendable, Hashable, CaseIterable {
    /// A line with a dot at each point: what was measured.
    case dotted
    /// A line: what was computed from many points.
    case plain
    /// A thin pale line behind the others.
    case faint
    /// Points without a line.
    case points
  }

  /// A curve.
  public struct Series: Sendable, Hashable {
    /// Its name under the pointer.
    public var name: String
    /// Its name in the legend; nil where the legend leaves it out.
    public var legend: String?
    /// Its points from left to right.
    public var points: [Point]
    /// A band around it: the lowest and highest values at each point's place; nil for none.
    public var band: [ClosedRange<Double>]?
    /// How it is drawn.
    public var style: LineStyle
    /// Which colour of the palette; curves of one run share it.
    public var colour: Int

    /// Makes a curve.
    ///
    /// A band has as many ranges as there are points; another one is left out.
    public init(
      _ name: String, _ points: [Point], band: [ClosedRange<Double>]? = nil,
      style: LineStyle = .plain, colour: Int = 0, legend: String?
    ) {
      self.name = name
      self.points = points
      self.band = band?.count == points.count ? band : nil
      self.style = style
      self.colour = colour
      self.legend = legend
    }

    /// Makes a curve whose legend is its name.
    public init(
      _ name: String, _ points: [Point], band: [ClosedRange<Double>]? = nil,
      style: LineStyle = .plain, colour: Int = 0
    ) {
      self.init(name, points, band: band, style: style, colour: colour, legend: name)
    }
  }

  /// A vertical line.
  public struct Mark: Sendable, Hashable {
    /// Where it stands.
    public var x: Double
    /// What happened there.
    public var label: String
    /// The colour of the run that it belongs to.
    public var colour: Int

    /// Makes a mark.
    public init(x: Double, label: String, colour: Int = 0) {
      self.x = x
      self.label = label
      self.colour = colour
    }
  }

  /// A horizontal line.
  public struct Reference: Sendable, Hashable {
    /// Where it stands.
    public var y: Double
    /// What it means.
    public var label: String

    /// Makes a reference.
    public init(y: Double, label: String) {
      self.y = y
      self.label = label
    }
  }

  /// Whether there is any point that the axes can show.
  public var isEmpty: Bool {
    !series.contains { $0.points.contains { x.scale.shows($0.x) && y.scale.shows($0.y) } }
  }
}
