// SPDX-License-Identifier: Apache-2.0

/// Distinct byte strings, numbered from 0 in the order in which they came: an open-addressing table
/// whose strings lie end to end in one array.
struct ByteStringTable {
  private(set) var arena: [UInt8] = []
  /// Where each string ends in `arena`; it begins where the one before it ends.
  private(set) var ends: [Int] = []
  /// Number of the string and the high half of its hash, or −1 for an empty slot.
  private var slots: [(index: Int32, tag: UInt32)]
  private var mask: Int
  private let seed: UInt64

  /// Makes an empty table.
  init(minimumCapacity: Int = 8) {
    let slotCount = max(16, minimumCapacity * 2)
    let capacity = 1 << (Int.bitWidth - (slotCount - 1).leadingZeroBitCount)
    slots = Array(repeating: (-1, 0), count: capacity)
    mask = capacity - 1
    seed = .random(in: .min ... .max)
  }

  /// Number of strings.
  var count: Int { ends.count }

  /// Where a string lies in `arena`.
  @inline(__always)
  func range(_ index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }

  /// A copy of a string.
  subscript(index: Int) -> [UInt8] { Array(arena[range(index)]) }

  /// A 64-bit mix of the bytes, eight at a time; the seed keeps collisions from being planned.
  @inline(__always)
  private func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var state = seed ^ UInt64(truncatingIfNeeded: bytes.count) &* 0x9E37_79B9_7F4A_7C15
    var index = 0
    while index + 8 <= bytes.count {
      state = Self.mix(state ^ bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      index += 8
    }
    var rest: UInt64 = 0
    while index < bytes.count {
      rest = rest << 8 | UInt64(bytes[index])
      index += 1
    }
    return Self.mix(state ^ rest)
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return product.high ^ product.low
  }

  /// The number of a string; nil where the table has none such.
  @inline(__always)
  func find(_ bytes: UnsafeRawBufferPointer) -> Int? {
    let hash = hash(bytes)
    let slot = slot(of: bytes, hash: hash)
    let index = slots[slot].index
    return index < 0 ? nil : Int(index)
  }

  /// The number of a string given as an array.
  func find(_ bytes: [UInt8]) -> Int? { bytes.withUnsafeBytes { find($0) } }

  @inline(__always)
  private func slot(of bytes: UnsafeRawBufferPointer, hash: UInt64) -> Int {
    let tag = UInt32(truncatingIfNeeded: hash >> 32)
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot].index >= 0 {
      if slots[slot].tag == tag, isEqual(Int(slots[slot].index), bytes) { return slot }
      slot = (slot + 1) & mask
    }
    return slot
  }

  @inline(__always)
  private func isEqual(_ index: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
    let range = range(index)
    guard range.count == bytes.count else { return false }
    return arena.withUnsafeBytes { stored in
      for offset in 0..<bytes.count where stored[range.lowerBound + offset] != bytes[offset] {
        return false
      }
      return true
    }
  }

  /// The number of a string, which is added where it is new.
  @inline(__always)
  mutating func insert(_ bytes: UnsafeRawBufferPointer) -> (index: Int, isNew: Bool) {
    let hash = hash(bytes)
    let slot = slot(of: bytes, hash: hash)
    if slots[slot].index >= 0 { return (Int(slots[slot].index), false) }
    let index = ends.count
    arena.append(contentsOf: bytes)
    ends.append(arena.count)
    slots[slot] = (Int32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: hash >> 32))
    if ends.count * 2 > slots.count { grow() }
    return (index, true)
  }

  /// The same for an array.
  @discardableResult
  mutating func insert(_ bytes: [UInt8]) -> (index: Int, isNew: Bool) {
    bytes.withUnsafeBytes { insert($0) }
  }

  private mutating func grow() {
    let capacity = slots.count * 2
    mask = capacity - 1
    var larger = [(index: Int32, tag: UInt32)](repeating: (-1, 0), count: capacity)
    arena.withUnsafeBytes { stored in
      for index in ends.indices {
        let hash = hash(UnsafeRawBufferPointer(rebasing: stored[range(index)]))
        var slot = Int(truncatingIfNeeded: hash) & mask
        while larger[slot].index >= 0 { slot = (slot + 1) & mask }
        larger[slot] = (Int32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: hash >> 32))
      }
    }
    slots = larger
  }
}
