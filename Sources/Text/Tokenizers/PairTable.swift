// SPDX-License-Identifier: Apache-2.0

/// From a pair of ids to the rank of their merge and the id it makes: a flat table with open
/// addressing, at most half full.
final class PairTable: @unchecked Sendable {
  /// One slot; an empty one has rank ``PairTable/none``.
  struct Slot {
    var pair: UInt64
    var rank: UInt32
    var merged: Int32
  }
  /// The rank of pairs that do not merge, after all that do.
  static let none = UInt32.max

  private let slots: UnsafeMutablePointer<Slot>
  private let mask: Int
  private let shift: UInt64

  /// Makes the table; where a pair comes twice the later merge counts, as in the reference.
  init(_ merges: [(left: Int32, right: Int32, merged: Int32)]) {
    let bits = max(4, Int.bitWidth - (merges.count * 2).leadingZeroBitCount)
    mask = 1 << bits - 1
    shift = UInt64(64 - bits)
    slots = .allocate(capacity: 1 << bits)
    slots.initialize(repeating: Slot(pair: 0, rank: Self.none, merged: -1), count: 1 << bits)
    for (rank, merge) in merges.enumerated() {
      let pair = Self.key(merge.left, merge.right)
      var index = home(pair)
      while slots[index].rank != Self.none && slots[index].pair != pair {
        index = (index + 1) & mask
      }
      slots[index] = Slot(
        pair: pair, rank: UInt32(truncatingIfNeeded: rank), merged: merge.merged)
    }
  }

  deinit { slots.deallocate() }

  @inline(__always)
  static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always)
  private func home(_ pair: UInt64) -> Int {
    Int(truncatingIfNeeded: ((pair ^ pair >> 29) &* 0x9E37_79B9_7F4A_7C15) >> shift)
  }

  /// The slot of a pair; its rank is ``none`` where the pair does not merge.
  @inline(__always)
  func find(_ left: Int32, _ right: Int32) -> Slot {
    let pair = Self.key(left, right)
    var index = home(pair)
    while slots[index].rank != Self.none && slots[index].pair != pair {
      index = (index + 1) & mask
    }
    return slots[index]
  }
}
