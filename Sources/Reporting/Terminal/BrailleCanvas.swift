// SPDX-License-Identifier: Apache-2.0
import CheckedInput

/// A grid of dots that becomes Braille characters (Unicode U+2800), each with the colour of the last
/// dot set in it.
package struct BrailleCanvas {
  package let width: Int
  package let height: Int
  private var cells: [UInt8]
  private var colours: [Int]
  private var signs: [Int: Character] = [:]

  /// - Parameters: characters, of 2 × 4 dots each.
  package init(width: Int, height: Int) {
    self.width = width
    self.height = height
    cells = Array(repeating: 0, count: width * height)
    colours = Array(repeating: 0, count: width * height)
  }

  /// The bits of the dots, column by column.
  private static let bits: [[UInt8]] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]]

  /// Sets a dot; one outside the canvas is left out.
  package mutating func dot(_ x: Int, _ y: Int, colour: Int) {
    guard x >= 0, y >= 0, x < width * 2, y < height * 4 else { return }
    let cell = y / 4 * width + x / 2
    cells[cell] |= Self.bits[x % 2][y % 4]
    colours[cell] = colour
  }

  /// Puts a sign over the dots of a character; of several the last stays.
  package mutating func sign(_ sign: Character, column: Int, row: Int, colour: Int) {
    guard column >= 0, row >= 0, column < width, row < height else { return }
    signs[row * width + column] = sign
    colours[row * width + column] = colour
  }

  /// Sets the dots of a straight line.
  package mutating func line(from start: (Int, Int), to end: (Int, Int), colour: Int) {
    let (dx, dy) = (end.0 - start.0, end.1 - start.1)
    let count = max(abs(dx), abs(dy))
    guard count > 0 else { return dot(start.0, start.1, colour: colour) }
    for step in 0...count {
      let share = Double(step) / Double(count)
      dot(
        start.0 + Int(bounding: (Double(dx) * share).rounded()),
        start.1 + Int(bounding: (Double(dy) * share).rounded()), colour: colour)
    }
  }

  /// A row of characters; neighbours of one colour are painted together.
  package func row(_ row: Int, paint: (String, Int) -> String) -> String {
    var result = ""
    var (run, colour) = ("", 0)
    for column in 0..<width {
      let cell = row * width + column
      if cells[cell] == 0, signs[cell] == nil {
        if !run.isEmpty { result += paint(run, colour) }
        run = ""
        result += " "
        continue
      }
      if colours[cell] != colour, !run.isEmpty {
        result += paint(run, colour)
        run = ""
      }
      colour = colours[cell]
      run.append(signs[cell] ?? Character(Unicode.Scalar(0x2800 + UInt32(cells[cell])) ?? " "))
    }
    if !run.isEmpty { result += paint(run, colour) }
    while result.last == " " { result.removeLast() }
    return result
  }
}
