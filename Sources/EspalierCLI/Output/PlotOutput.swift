// SPDX-License-Identifier: Apache-2.0
import Espalier

/// Draws charts on standard output.
enum PlotOutput {
  /// Prints a chart, at most so wide; in colours where the terminal has them.
  static func print(_ chart: Chart, width: Int, height: Int = 18) throws {
    let screen = Terminal(.standardOutput)
    let colours: TerminalPlot.Colours = screen.hasColours ? .terminal : .none
    var plot = TerminalPlot(
      chart.shown, width: min(width, screen.width), height: height, colours: colours)
    plot.height = height
    try CommandOutput.write(plot.text + "\n")
  }
}

extension Chart {
  /// The chart with names that may reach a terminal, since its colours' codes must reach it as well.
  fileprivate var shown: Chart {
    var chart = self
    func show(_ text: inout String) { text = ShownText.escaped(text, as: .line) }
    show(&chart.title)
    show(&chart.x.label)
    show(&chart.y.label)
    for index in series.indices {
      show(&chart.series[index].name)
      chart.series[index].legend = series[index].legend.map { ShownText.escaped($0, as: .line) }
    }
    for index in marks.indices { show(&chart.marks[index].label) }
    for index in references.indices { show(&chart.references[index].label) }
    return chart
  }
}
