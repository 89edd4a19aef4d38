// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Entries of a tensor that lie on some indices of its axes: of a matrix all of some rows, and all of some
/// columns.
///
/// It is what a growth makes anew, and takes no more room than the runs of indices that it is made of.
public struct EntryRanges: Sendable, Hashable {
  /// The indices of each axis, outermost first, as ranges in order between which others lie.
  public let axes: [[Range<Int>]]

  /// Entries on indices in any order, of which ranges may overlap.
  public init(_ axes: [[Range<Int>]]) {
    self.axes = axes.map(Self.joined)
  }

  /// All entries of a tensor of rank 1 or more.
  public init(all shape: Shape) {
    self.init(shape.extents.enumerated().map { $0 == 0 ? [0..<$1] : [] })
  }

  /// Whether there are none.
  public var isEmpty: Bool { axes.allSatisfy(\.isEmpty) }

  /// The entries that are in either of two.
  public func union(_ other: EntryRanges) -> EntryRanges {
    EntryRanges(zip(axes, other.axes).map { $0 + $1 })
  }

  /// Ranges in order, those that overlap or touch made one.
  private static func joined(_ ranges: [Range<Int>]) -> [Range<Int>] {
    ranges.filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }
      .reduce(into: []) { result, range in
        guard let last = result.last, last.upperBound >= range.lowerBound else {
          return result.append(range)
        }
        result[result.count - 1] =
          last.lowerBound..<max(last.upperBound, range.upperBound)
      }
  }

  /// Checks ranges that come from a file.
  ///
  /// - Returns: what is wrong with them, in the words of a message; nil for nothing.
  func flaw(for shape: Shape) -> String? {
    guard axes.count == shape.rank else {
      return "has ranges for \(axes.count) axes; the parameter has \(shape.rank)"
    }
    for (axis, ranges) in axes.enumerated() {
      let whole = 0..<shape[axis]
      if let stray = ranges.first(where: { $0.isEmpty || $0.clamped(to: whole) != $0 }) {
        return
          "has the range [\(stray.lowerBound), \(stray.upperBound)] on axis \(axis), which has "
          + "the indices 0 to below \(shape[axis])"
      }
      for (one, next) in zip(ranges, ranges.dropFirst()) where one.upperBound >= next.lowerBound {
        return "has the range [\(next.lowerBound), \(next.upperBound)] after "
          + "[\(one.lowerBound), \(one.upperBound)] on axis \(axis); expected ranges in order that do "
          + "not touch"
      }
    }
    return nil
  }
}

extension EntryRanges: Codable {
  /// Reads a list of ranges, `[first, end]`, for each axis; nothing is checked but their form.
  public init(from decoder: any Decoder) throws {
    axes = try decoder.singleValueContainer().decode([[Range<Int>]].self)
  }

  /// Writes a list of ranges, `[first, end]`, for each axis.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(axes)
  }
}
