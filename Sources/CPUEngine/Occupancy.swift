// SPDX-License-Identifier: Apache-2.0

/// Which bytes are taken at which instructions, as a segment tree over the instructions.
///
/// A life is a range of instructions. Each node of the tree stands for such a range and keeps the bytes
/// of two kinds of lives as merged ranges: those that last through all of it, and those that touch it
/// anywhere. Lives that overlap a given one then are those that last through a node above one of its two
/// ends, and those that touch one of the nodes that it is made of: about four nodes for each level.
struct Occupancy {
  /// Nodes of the lowest level; node n has children 2n and 2n + 1, instruction i is node leafCount + i.
  private let leafCount: Int
  private var lasting: [TakenBytes]
  private var touching: [TakenBytes]

  /// Nothing taken.
  init(instructionCount: Int) {
    var count = 1
    while count < instructionCount { count *= 2 }
    leafCount = count
    lasting = Array(repeating: TakenBytes(), count: 2 * count)
    touching = lasting
  }

  /// Takes the lowest bytes that are free all the time, and returns where they begin.
  mutating func takeLowest(_ byteCount: Int, during life: ClosedRange<Int>) -> Int {
    let (parts, paths) = (parts(of: life), paths(to: life))
    let offset = lowest(
      byteCount, in: parts.map { touching[$0] } + paths.map { lasting[$0] })
    let bytes = offset..<offset + byteCount
    for node in parts { lasting[node].take(bytes) }
    for node in paths { touching[node].take(bytes) }
    return offset
  }

  /// The fewest nodes that a life is made of.
  private func parts(of life: ClosedRange<Int>) -> [Int] {
    var (low, high) = (life.lowerBound + leafCount, life.upperBound + leafCount + 1)
    var nodes: [Int] = []
    while low < high {
      if low % 2 == 1 {
        nodes.append(low)
        low += 1
      }
      if high % 2 == 1 {
        high -= 1
        nodes.append(high)
      }
      (low, high) = (low / 2, high / 2)
    }
    return nodes
  }

  /// The nodes from the ends of a life up to the root.
  ///
  /// They include all above the life's parts; the rest lies within the life.
  private func paths(to life: ClosedRange<Int>) -> [Int] {
    var (low, high) = (life.lowerBound + leafCount, life.upperBound + leafCount)
    var nodes: [Int] = []
    while low != high {
      nodes += [low, high]
      (low, high) = (low / 2, high / 2)
    }
    while low > 0 {
      nodes.append(low)
      low /= 2
    }
    return nodes
  }

  /// The lowest offset from which so many bytes are in none of the sets.
  private func lowest(_ byteCount: Int, in sets: [TakenBytes]) -> Int {
    var rivals = sets.filter { !$0.isEmpty }.map { Rival(taken: $0) }
    var offset = 0
    var hasMoved = true
    while hasMoved {
      hasMoved = false
      for index in rivals.indices where rivals[index].push(&offset, byteCount) { hasMoved = true }
    }
    return offset
  }
}

/// A set of bytes: ranges in order, none touching the next.
private struct TakenBytes {
  private(set) var ranges: [Range<Int>] = []

  var isEmpty: Bool { ranges.isEmpty }

  /// Adds bytes.
  mutating func take(_ bytes: Range<Int>) {
    // Touching ranges become one.
    let first = firstIndex { $0.upperBound >= bytes.lowerBound }
    let end = firstIndex { $0.lowerBound > bytes.upperBound }
    guard first < end else { return ranges.insert(bytes, at: first) }
    let merged =
      min(
        bytes.lowerBound, ranges[first].lowerBound)..<max(
        bytes.upperBound, ranges[end - 1].upperBound)
    if end - first == 1 {
      ranges[first] = merged
    } else {
      ranges.replaceSubrange(first..<end, with: CollectionOfOne(merged))
    }
  }

  /// The number of the first range of which something is true that stays true of all later ones.
  private func firstIndex(_ isTrue: (Range<Int>) -> Bool) -> Int {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if isTrue(ranges[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

/// A set of bytes beside which others look for a place, from the lowest up.
private struct Rival {
  let taken: TakenBytes
  /// The first range that may end behind the place; it only grows.
  var next = 0

  /// Moves a place behind the ranges that it would meet; false where it meets none.
  mutating func push(_ offset: inout Int, _ byteCount: Int) -> Bool {
    var hasMoved = false
    while next < taken.ranges.count, taken.ranges[next].lowerBound < offset + byteCount {
      if taken.ranges[next].upperBound > offset {
        offset = taken.ranges[next].upperBound
        hasMoved = true
      }
      next += 1
    }
    return hasMoved
  }
}
