// SPDX-License-Identifier: Apache-2.0

/// Where the buffers of one compiled program lie in its arena: buffers whose lives do not overlap
/// share their bytes, so a step allocates nothing and holds little more than what it must keep.
struct BufferPlan {
  /// Index of a buffer.
  typealias Buffer = Int

  private struct Life {
    var byteCount: Int
    var first = Int.max
    var last = -1
  }
  private var lives: [Life] = []

  /// A buffer of its own; it lives from the first to the last instruction that uses it.
  mutating func makeBuffer(byteCount: Int) -> Buffer {
    lives.append(Life(byteCount: (max(byteCount, 1) + 63) & ~63))
    return lives.count - 1
  }

  /// Notes that an instruction uses a buffer.
  mutating func use(_ buffer: Buffer, at instruction: Int) {
    lives[buffer].first = min(lives[buffer].first, instruction)
    lives[buffer].last = max(lives[buffer].last, instruction)
  }

  /// Byte offsets of all buffers and the bytes they need together: the largest first, each at the
  /// lowest place that is free for its whole life.
  func layout() -> (offsets: [Int], byteCount: Int) {
    var offsets = [Int](repeating: 0, count: lives.count)
    var placed: [Buffer] = []
    var total = 0
    for buffer in lives.indices.sorted(by: { lives[$0].byteCount > lives[$1].byteCount }) {
      let life = lives[buffer]
      guard life.last >= 0 else { continue }
      let rivals = placed.filter { lives[$0].first <= life.last && life.first <= lives[$0].last }
        .sorted { offsets[$0] < offsets[$1] }
      var offset = 0
      for rival in rivals {
        if offsets[rival] - offset >= life.byteCount { break }
        offset = max(offset, offsets[rival] + lives[rival].byteCount)
      }
      offsets[buffer] = offset
      placed.append(buffer)
      total = max(total, offset + life.byteCount)
    }
    return (offsets, total)
  }
}
