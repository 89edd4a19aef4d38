// SPDX-License-Identifier: Apache-2.0
import CheckedInput

/// A curve in one line of text.
public enum Sparkline {
  private static let bars: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

  /// Draws values from the lowest bar at their minimum to the highest at their maximum.
  ///
  /// Values that are not finite show as a space. More values than `width` are averaged in equal
  /// groups.
  public static func draw(_ values: [Double], width: Int = 40) -> String {
    let columns = grouped(values, width: max(1, width))
    let finite = columns.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max() else {
      return String(repeating: " ", count: columns.count)
    }
    return String(
      columns.map { value -> Character in
        guard value.isFinite else { return " " }
        guard high > low else { return bars[0] }
        // Halves, since the distance of the largest numbers is none.
        let height = (value / 2 - low / 2) / (high / 2 - low / 2) * Double(bars.count - 1)
        return bars[max(0, min(bars.count - 1, Int(bounding: height.rounded())))]
      })
  }

  /// Means of equal groups, of the finite values in each.
  private static func grouped(_ values: [Double], width: Int) -> [Double] {
    guard values.count > width else { return values }
    return (0..<width).map { column in
      let group = values[values.count * column / width..<values.count * (column + 1) / width]
        .filter(\.isFinite)
      return group.isEmpty ? .nan : group.reduce(0, +) / Double(group.count)
    }
  }
}
