// SPDX-License-Identifier: Apache-2.0
import Foundation
import Reporting
import Testing

@Suite("Plots in characters")
struct TerminalPlotTests {
  private func chart(marks: [Chart.Mark] = []) -> Chart {
    Chart(
      title: "Loss", x: .init("compute (FLOPs)", scale: .logarithmic, style: .power),
      y: .init("loss", scale: .logarithmic),
      series: [
        .init("a", (0...40).map { .init(1e12 * pow(10, Double($0) / 20), 8 - Double($0) / 10) }),
        .init("b", [.init(1e13, 6), .init(2e13, 5)], colour: 1),
      ], marks: marks)
  }

  private func dots(_ line: String) -> [Int] {
    line.enumerated().filter { (0x2801...0x28FF).contains($1.unicodeScalars.first?.value ?? 0) }
      .map(\.offset)
  }

  @Test("a falling curve falls, within the width and height", arguments: [40, 80, 120])
  func falling(width: Int) throws {
    let lines = TerminalPlot(chart(), width: width, height: 12).lines
    #expect(lines.allSatisfy { $0.count <= width })
    // The axis's title, the plane, the axis, its labels and title, two names.
    #expect(lines.count == 1 + 12 + 3 + 2)
    let rows = lines[1...12].map(dots)
    let first = try #require(rows.first { !$0.isEmpty }?.min())
    let last = try #require(rows.last { !$0.isEmpty }?.max())
    #expect(first < last)
    #expect(last >= width - 2)
    #expect(lines[14].contains("10¹²") && lines[14].contains("10¹³"))
    #expect(lines[1...12].contains { $0.hasPrefix("6┤") })
  }

  @Test("every dot has its bit of the Braille pattern")
  func braille() {
    let expected: [[Character]] = [["⠁", "⠂", "⠄", "⡀"], ["⠈", "⠐", "⠠", "⢀"]]
    for x in 0..<2 {
      for y in 0..<4 {
        var canvas = BrailleCanvas(width: 1, height: 1)
        canvas.dot(x, y, colour: 0)
        #expect(canvas.row(0) { text, _ in text } == String(expected[x][y]))
      }
    }
    var full = BrailleCanvas(width: 2, height: 1)
    for y in 0..<4 { full.line(from: (0, y), to: (3, y), colour: 2) }
    full.dot(99, 99, colour: 0)
    #expect(full.row(0) { "[\($0) \($1)]" } == "[⣿⣿ 2]")
  }

  @Test("growth stands as a line and below the axis")
  func marks() {
    let lines = TerminalPlot(chart(marks: [.init(x: 1e13, label: "g")]), width: 60, height: 10)
      .lines
    #expect(lines[11].contains("▲"))
    #expect(lines[13].contains("▲ growth"))
    #expect(lines[1...10].allSatisfy { !dots($0).isEmpty })
  }

  @Test("colours are escape codes, and only where they are wanted")
  func colours() {
    let plain = TerminalPlot(chart(), colours: .none).text
    #expect(!plain.contains("\u{1B}"))
    let coloured = TerminalPlot(chart(), colours: .terminal).text
    #expect(coloured.contains("\u{1B}[34m") && coloured.contains("\u{1B}[31m"))
    let bare = coloured.replacing(/\u{1B}\[[0-9]+m/, with: "")
    #expect(bare == plain)
  }

  @Test("curves are told apart without colours, also where they lie on each other")
  func signs() throws {
    let points = (0...40).map { Chart.Point(1e12 * pow(10, Double($0) / 20), 8 - Double($0) / 10) }
    let same = Chart(
      title: "Loss", x: .init("compute", scale: .logarithmic), y: .init("loss"),
      series: [
        .init("training", points), .init("validation", points, style: .dotted),
        .init("ends", [points[7]], style: .points),
        .init("pale", points, style: .faint, legend: nil),
      ])
    let lines = TerminalPlot(same, width: 80, height: 12).lines
    #expect(lines.suffix(3) == ["  ━o━ training", "  ━x━ validation", "  ━+━ ends"])
    let plane = lines[1...12].joined()
    for (sign, least) in [("o", 3), ("x", 3), ("+", 1)] as [(Character, Int)] {
      #expect(plane.count { $0 == sign } >= least, "\(sign)")
    }
    #expect(!plane.contains("*"))
  }

  @Test(
    "any number is drawn",
    arguments: [
      [1e300, 1], [1.7e308, -1.7e308], [2000 * Double.leastNonzeroMagnitude, 1e-300],
      [Double.leastNonzeroMagnitude, 1.7e308], [0, Double.leastNonzeroMagnitude],
      [-1e300, 2],
    ], AxisScale.allCases)
  func anyNumber(values: [Double], scale: AxisScale) {
    for style in NumberStyle.allCases {
      let chart = Chart(
        title: "t", x: .init("x", scale: scale, style: style),
        y: .init("y", scale: scale, style: style),
        series: [
          .init("a", values.map { .init($0, $0) } + [.init(3, 3)]), .init("b", [.init(2, 2)]),
        ], marks: values.map { .init(x: $0, label: "m") })
      let lines = TerminalPlot(chart).lines
      #expect(lines.allSatisfy { $0.count <= 80 })
      #expect(lines.flatMap(dots).count > 0)
      let file = SVGChart(chart).file
      #expect(file.contains("</svg>") && !file.contains("nan") && !file.contains("inf"))
    }
    #expect(Sparkline.draw(values).count == values.count)
  }

  @Test("nothing recorded is said; absurd sizes are mended")
  func edges() {
    let empty = Chart(title: "Loss", x: .init("x"), y: .init("y"), series: [])
    #expect(TerminalPlot(empty).text == "Loss: nothing was recorded")
    for size in [-5, 0, 1, 10_000] {
      #expect(!TerminalPlot(chart(), width: size, height: size).lines.isEmpty)
    }
    let point = Chart(title: "t", x: .init("x"), y: .init("y"), series: [.init("a", [.init(1, 1)])])
    #expect(TerminalPlot(point).lines.flatMap(dots).count == 1)
  }

  @Test("sparklines reach from the lowest to the highest value")
  func sparkline() {
    #expect(Sparkline.draw([1, 2, 3, 4, 5, 6, 7, 8]) == "▁▂▃▄▅▆▇█")
    #expect(Sparkline.draw([8, .nan, 1]) == "█ ▁")
    #expect(Sparkline.draw([3, 3]) == "▁▁")
    #expect(Sparkline.draw([]) == "")
    #expect(Sparkline.draw([.infinity, .nan]) == "  ")
    // Means of pairs: 0.5, 2.5, 4.5, 6.5.
    #expect(Sparkline.draw([0, 1, 2, 3, 4, 5, 6, 7], width: 4) == "▁▃▆█")
  }
}
