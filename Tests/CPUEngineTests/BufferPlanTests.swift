// SPDX-License-Identifier: Apache-2.0
import CPUEngine
import SeededRandom
import Testing

@Suite("Layout of buffers") struct BufferPlanTests {
  private struct Life {
    var byteCount: Int
    var range: ClosedRange<Int>?
  }

  private func plan(_ lives: [Life]) -> BufferPlan {
    var plan = BufferPlan()
    for life in lives {
      let buffer = plan.makeBuffer(byteCount: life.byteCount)
      guard let range = life.range else { continue }
      plan.use(buffer, at: range.upperBound)
      plan.use(buffer, at: range.lowerBound)
    }
    return plan
  }

  /// The same by looking at every buffer that was placed before.
  private func naiveLayout(_ lives: [Life]) -> BufferPlan.Layout {
    let sizes = lives.map { (max($0.byteCount, 1) + 63) & ~63 }
    var offsets = [Int](repeating: 0, count: lives.count)
    var placed: [Int] = []
    var total = 0
    for buffer in lives.indices.sorted(by: { sizes[$0] > sizes[$1] }) {
      guard let range = lives[buffer].range else { continue }
      let rivals = placed.filter { lives[$0].range?.overlaps(range) ?? false }
        .sorted { offsets[$0] < offsets[$1] }
      var offset = 0
      for rival in rivals {
        if offsets[rival] - offset >= sizes[buffer] { break }
        offset = max(offset, offsets[rival] + sizes[rival])
      }
      offsets[buffer] = offset
      placed.append(buffer)
      total = max(total, offset + sizes[buffer])
    }
    return BufferPlan.Layout(offsets: offsets, byteCount: total)
  }

  @Test("every buffer lies where looking at all others puts it", arguments: 0..<60)
  func likeTheNaiveOne(_ seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    let instructions = Int.random(in: 1...120, using: &random)
    let lives = (0..<Int.random(in: 0...300, using: &random)).map { _ -> Life in
      let ends = [0, 1].map { _ in Int.random(in: 0..<instructions, using: &random) }
      let isUsed = Int.random(in: 0..<20, using: &random) > 0
      return Life(
        byteCount: 1 << Int.random(in: 0...12, using: &random)
          + Int.random(in: 0...9, using: &random),
        range: isUsed ? min(ends[0], ends[1])...max(ends[0], ends[1]) : nil)
    }
    #expect(plan(lives).layout() == naiveLayout(lives))
  }

  @Test("lives of a step: kept from forward to backward, and passing ones")
  func nested() {
    let layers = 40
    let lives = (0..<layers).flatMap { layer -> [Life] in
      let (forward, backward) = (5 * layer, 10 * layers - 5 * layer)
      return [
        Life(byteCount: 4096, range: forward...backward),
        Life(byteCount: 16384, range: forward + 1...backward - 1),
        Life(byteCount: 1000, range: forward + 2...forward + 4),
        Life(byteCount: 16384, range: backward...backward + 3),
      ]
    }
    #expect(plan(lives).layout() == naiveLayout(lives))
  }

  @Test("no buffers, and none that is used")
  func nothing() {
    #expect(plan([]).layout() == BufferPlan.Layout(offsets: [], byteCount: 0))
    let unused = [Life(byteCount: 8, range: nil)]
    #expect(plan(unused).layout() == BufferPlan.Layout(offsets: [0], byteCount: 0))
  }
}
