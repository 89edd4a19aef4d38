// SPDX-License-Identifier: Apache-2.0

extension Markup {
  /// A cell of a table.
  enum Cell {
    /// A text, with a class of its own or without.
    case text(String, class: String = "")
    /// A number, set to the right.
    case number(String)
    /// A run's name with its colour.
    case swatch(String, Int)
  }

  /// Adds a table that scrolls by itself where it is wider than the page.
  ///
  /// Columns are aligned as the first row's cells are.
  mutating func table(_ heads: [String], _ fill: (inout [[Cell]]) -> Void) {
    var rows: [[Cell]] = []
    fill(&rows)
    element("div", ["class": "table"]) { box in
      box.element("table") { table in
        table.element("thead") { head in
          head.element("tr") { row in
            for (index, text) in heads.enumerated() {
              let first = rows.first.flatMap { index < $0.count ? $0[index] : nil }
              row.element("th", ["class": first.map(Self.kind) ?? ""], text: text)
            }
          }
        }
        table.element("tbody") { body in
          for cells in rows {
            body.element("tr") { row in for cell in cells { row.add(cell) } }
          }
        }
      }
    }
  }

  private static func kind(_ cell: Cell) -> String {
    switch cell {
    case .text: ""
    case .number: "number"
    case .swatch: "name"
    }
  }

  private mutating func add(_ cell: Cell) {
    switch cell {
    case .text(let text, let kind):
      // Long texts get room enough that they do not become a column of words.
      let words = text.count > 18 ? "words \(kind)" : kind
      element("td", ["class": words], text: text)
    case .number(let text): element("td", ["class": "number"], text: text)
    case .swatch(let text, let colour):
      element("td", ["class": "name", "title": text]) { cell in
        cell.element("span", ["class": "swatch s\(colour % PageStyle.colourCount)"], text: "")
        cell.text(text)
      }
    }
  }
}
