// SPDX-License-Identifier: Apache-2.0
import Foundation
import Reporting
import SeededRandom
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// The elements of an SVG, as an XML reader sees them.
final class SVGReading: NSObject, XMLParserDelegate {
  struct Text {
    var text: String
    var kind: String
    var x: Double
    var y: Double
    var anchor: String
  }
  private(set) var texts: [Text] = []
  private(set) var paths: [String: [String]] = [:]
  private(set) var names: [String: Int] = [:]
  private(set) var title = ""
  private(set) var isWellFormed = false
  private var open: Text?
  private var isTitle = false

  init(_ svg: String) {
    super.init()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = self
    isWellFormed = parser.parse()
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    names[name, default: 0] += 1
    if name == "title" { isTitle = true }
    if name == "path" {
      paths[attributes["class"] ?? "", default: []].append(attributes["d"] ?? "")
    }
    guard name == "text" else { return }
    open = Text(
      text: "", kind: attributes["class"] ?? "", x: Double(attributes["x"] ?? "") ?? .nan,
      y: Double(attributes["y"] ?? "") ?? .nan, anchor: attributes["text-anchor"] ?? "")
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) {
    open?.text += string
    if isTitle { title += string }
  }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    if name == "title" { isTitle = false }
    if name == "text", let text = open { texts.append(text) }
    if name == "text" { open = nil }
  }
}

@Suite("SVG charts")
struct SVGChartTests {
  /// Three curves, growth, thresholds: everything at once.
  private func chart(seed: UInt64 = 1) -> Chart {
    var random = SplitMix64(seed: seed)
    func label(_ most: Int) -> String {
      String(
        (0..<Int.random(in: 1...most, using: &random)).map { _ in
          "abcdefghij klMW".randomElement(using: &random) ?? "x"
        })
    }
    let scale: AxisScale = Bool.random(using: &random) ? .linear : .logarithmic
    let low = pow(10, Double.random(in: -6...15, using: &random))
    let decades = Double.random(in: 0.05...6, using: &random)
    let series = (0..<Int.random(in: 1...9, using: &random)).map { index in
      Chart.Series(
        label(60),
        (0..<50).map {
          Chart.Point(low * pow(10, decades * Double($0) / 49), 20 - Double($0) / 10)
        },
        style: Chart.LineStyle.allCases[index % 4], colour: index)
    }
    return Chart(
      title: label(20), x: .init(label(30), scale: scale, style: .power),
      y: .init(label(30), scale: .logarithmic), series: series,
      marks: (0..<Int.random(in: 0...5, using: &random)).map { _ in
        Chart.Mark(x: low * Double.random(in: 1...2, using: &random), label: label(30))
      },
      references: (0..<Int.random(in: 0...5, using: &random)).map { _ in
        Chart.Reference(y: Double.random(in: 15.1...19.9, using: &random), label: label(16))
      })
  }

  /// From left to right, with characters of at least the width of a narrow font.
  private func extent(_ text: SVGReading.Text) -> (left: Double, right: Double) {
    let width = Double(text.text.count) * 12 * 0.34
    switch text.anchor {
    case "end": return (text.x - width, text.x)
    case "middle": return (text.x - width / 2, text.x + width / 2)
    default: return (text.x, text.x + width)
    }
  }

  @Test("no text leaves the picture or meets another", arguments: 0..<60)
  func labels(seed: UInt64) throws {
    for (width, height) in [(1060.0, 440.0), (440, 360), (520, 320)] {
      let reading = SVGReading(SVGChart(chart(seed: seed), width: width, height: height).file)
      #expect(reading.isWellFormed)
      for (index, text) in reading.texts.enumerated() {
        let (left, right) = extent(text)
        #expect(left >= -0.5 && right <= width + 0.5, "\(text)")
        #expect(text.y >= 9 && text.y <= height - 2, "\(text)")
        for other in reading.texts[(index + 1)...] where abs(text.y - other.y) < 10 {
          let (l, r) = extent(other)
          #expect(right <= l || r <= left, "\(text) meets \(other)")
        }
      }
    }
  }

  @Test("curves, bands, dots, marks and references are drawn")
  func parts() {
    let points = (1...5).map { Chart.Point(Double($0), Double(6 - $0)) }
    let chart = Chart(
      title: "T", description: "D", x: .init("x"), y: .init("y"),
      series: [
        .init("a", points, band: points.map { ($0.y - 0.5)...($0.y + 0.5) }, style: .dotted),
        .init("b", points, colour: 1),
      ], marks: [.init(x: 3, label: "grown")], references: [.init(y: 2, label: "stop")])
    let reading = SVGReading(SVGChart(chart).file)
    #expect(reading.paths["line c0"]?.count == 1)
    #expect(reading.paths["line c1"]?.count == 1)
    #expect(reading.paths["band c0"]?.count == 1)
    #expect(reading.texts.map(\.text).contains("grown"))
    #expect(reading.texts.map(\.text).contains("stop"))
    #expect(reading.title == "T")
    #expect(reading.names["desc"] == 1)
  }

  @Test("a value that cannot be shown breaks the line")
  func gaps() throws {
    let points = [1, 2, .nan, 4, 5].map { Chart.Point($0.isNaN ? 3 : $0, $0) }
    let chart = Chart(
      title: "T", x: .init("x"), y: .init("y", scale: .logarithmic),
      series: [.init("a", points + [.init(6, -1), .init(7, 7)])])
    let reading = SVGReading(SVGChart(chart).file)
    let path = try #require(reading.paths["line c0"]?.first)
    #expect(path.count { $0 == "M" } == 3)
    // The last point has no neighbour, so it is a dot.
    #expect(reading.paths["dot c0"]?.count == 1)
    #expect(!SVGChart(chart).file.contains("nan"))
  }

  @Test("a chart without a point says so")
  func empty() {
    let chart = Chart(
      title: "T", x: .init("x", scale: .logarithmic), y: .init("y"),
      series: [.init("a", [.init(0, 1), .init(-1, 2)])])
    #expect(chart.isEmpty)
    #expect(SVGReading(SVGChart(chart).file).texts.map(\.text) == ["nothing was recorded"])
  }

  @Test("texts are escaped, and what XML forbids is replaced")
  func escaping() {
    let hostile = "</svg><script>alert('x')</script>&\"\u{0}\u{202E}\u{7}"
    let chart = Chart(
      title: hostile, description: hostile, x: .init(hostile), y: .init(hostile),
      series: [.init(hostile, [.init(1, 1), .init(2, 2)])],
      marks: [.init(x: 1.5, label: hostile)], references: [.init(y: 1.5, label: "&")])
    let svg = SVGChart(chart, width: 1000).file
    #expect(SVGReading(svg).isWellFormed)
    #expect(!svg.contains("<script"))
    #expect(!svg.contains("\u{202E}"))
  }
}
