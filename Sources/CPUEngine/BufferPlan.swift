// SPDX-License-Identifier: Apache-2.0

/// Where the buffers of one compiled program lie in its arena: buffers whose lives do not overlap
/// share their bytes, so a step allocates nothing and holds little more than what it must keep.
package struct BufferPlan: Sendable, Equatable {
  /// Index of a buffer.
  package typealias Buffer = Int

  /// Where all buffers lie.
  package struct Layout: Sendable, Equatable {
    /// The byte offset of each.
    package var offsets: [Int]
    /// The bytes that they need together.
    package var byteCount: Int

    /// Makes a layout.
    package init(offsets: [Int], byteCount: Int) {
      (self.offsets, self.byteCount) = (offsets, byteCount)
    }
  }

  private struct Life: Equatable {
    var byteCount: Int
    var first = Int.max
    var last = -1
  }
  private var lives: [Life] = []

  /// No buffers.
  package init() {}

  /// A buffer of its own; it lives from the first to the last instruction that uses it.
  package mutating func makeBuffer(byteCount: Int) -> Buffer {
    lives.append(Life(byteCount: (max(byteCount, 1) + 63) & ~63))
    return lives.count - 1
  }

  /// Bytes of a buffer.
  func byteCount(of buffer: Buffer) -> Int { lives[buffer].byteCount }

  /// Notes that an instruction uses a buffer.
  package mutating func use(_ buffer: Buffer, at instruction: Int) {
    lives[buffer].first = min(lives[buffer].first, instruction)
    lives[buffer].last = max(lives[buffer].last, instruction)
  }

  /// Where all buffers lie: the largest first, each at the lowest place that is free for its whole
  /// life.
  ///
  /// About n log² n for the lives that a program's buffers have.
  package func layout() -> Layout {
    var offsets = [Int](repeating: 0, count: lives.count)
    var occupancy = Occupancy(instructionCount: (lives.map(\.last).max() ?? -1) + 1)
    var total = 0
    for buffer in lives.indices.sorted(by: { lives[$0].byteCount > lives[$1].byteCount }) {
      let life = lives[buffer]
      guard life.last >= 0 else { continue }
      let offset = occupancy.takeLowest(life.byteCount, during: life.first...life.last)
      offsets[buffer] = offset
      total = max(total, offset + life.byteCount)
    }
    return Layout(offsets: offsets, byteCount: total)
  }
}
