// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation

/// Rows of cells separated by commas, semicolons or tabs, as spreadsheets and trackers export them.
struct CSVTable {
  /// A row.
  struct Row {
    /// Its line in the file, from 1.
    var line: Int
    /// Its cells without quotes and outer spaces.
    var cells: [String]
  }

  /// The file's name in messages.
  let name: String
  /// The rows; empty lines and those that begin with `#` are left out.
  let rows: [Row]

  /// A measurement a line for a million steps takes a tenth of it.
  private static let largestFile = 256 << 20

  /// Reads a file.
  init(path: String) throws {
    let text: String
    do { text = try RegularFile.text(of: path, atMost: Self.largestFile) } catch {
      guard error.code != .notText else {
        throw PlanningError(.malformedCurve, error.message, subject: path)
      }
      throw PlanningError(
        .fileUnavailable, "\(error.message); expected a loss curve as CSV", subject: path)
    }
    self.init(text: text, name: path)
  }

  /// Splits text.
  init(text: String, name: String) {
    self.name = name
    let body = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
    // "\r\n" is one Character, which is a newline as well.
    let lines = body.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    let separator = Self.separator(lines.first { !Self.isSkipped($0) } ?? "")
    rows = lines.enumerated().compactMap { index, line in
      guard !Self.isSkipped(line) else { return nil }
      return Row(line: index + 1, cells: Self.cells(line, separator: separator))
    }
  }

  private static func isSkipped(_ line: Substring) -> Bool {
    let trimmed = line.drop(while: \.isWhitespace)
    return trimmed.isEmpty || trimmed.hasPrefix("#")
  }

  private static func separator(_ line: Substring) -> Character {
    [",", "\t", ";"].first { line.contains($0) } ?? ","
  }

  private static func cells(_ line: Substring, separator: Character) -> [String] {
    var cells = [""]
    var isQuoted = false
    for character in line {
      if character == "\"" {
        isQuoted.toggle()
      } else if character == separator, !isQuoted {
        cells.append("")
      } else {
        cells[cells.count - 1].append(character)
      }
    }
    return cells.map { $0.trimmingCharacters(in: .whitespaces) }
  }
}
