// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import SeededRandom
import Tensors
import Testing
import Training

@Suite("New entries") struct NewEntriesTests {
  private static let parameter = ParameterSpec(
    name: "w", role: .weight(.value),
    axes: [.init(.output, .value, 4), .init(.input, .residual, 6)],
    initializer: .zeros)

  /// Ranges of a few indices here and there.
  static func randomRanges(
    _ shape: Shape, using random: inout SplitMix64
  ) -> EntryRanges {
    EntryRanges(
      shape.extents.map { size in
        (0..<Int.random(in: 0...3, using: &random)).map { _ in
          let first = Int.random(in: 0..<size, using: &random)
          return first..<Int.random(in: first...size, using: &random)
        }
      })
  }

  /// Whether an entry is on one of the ranges, looked at by itself.
  static func isIn(_ ranges: EntryRanges, _ element: Int, _ shape: Shape) -> Bool {
    let indices =
      shape.rank == 1 ? [element] : [element / shape[1], element % shape[1]]
    return zip(ranges.axes, indices).contains { ranges, index in
      ranges.contains { $0.contains(index) }
    }
  }

  @Test("stretches cover each element once, in order, with the value that it has by itself")
  func grid() {
    var random = SplitMix64(seed: 1)
    for number in 0..<300 {
      let shape =
        number % 3 == 0
        ? Shape([Int.random(in: 1...40, using: &random)])
        : Shape([Int.random(in: 1...12, using: &random), Int.random(in: 1...15, using: &random)])
      let sets = (0..<Int.random(in: 1...4, using: &random)).map { _ in
        Self.randomRanges(shape, using: &random)
      }
      let grid = EntryGrid(shape, sets) { $0 }
      let first = Int.random(in: 0...shape.elementCount, using: &random)
      let range = first..<Int.random(in: first...shape.elementCount, using: &random)
      var next = range.lowerBound
      grid.forEachRun(in: range) { run, isIn in
        #expect(run.lowerBound == next && !run.isEmpty)
        next = run.upperBound
        for element in run {
          #expect(isIn == sets.map { Self.isIn($0, element, shape) })
        }
      }
      #expect(next == range.upperBound)
    }
  }

  @Test("one value everywhere is one stretch")
  func uniform() {
    let grid = EntryGrid(Shape([4, 6]), [EntryRanges([[], [2..<4]])]) { _ in 7 }
    var runs: [Range<Int>] = []
    grid.forEachRun(in: 0..<24) { run, _ in runs.append(run) }
    #expect(runs == [0..<24])
  }

  @Test("ranges are put in order and joined")
  func ranges() {
    let ranges = EntryRanges([[5..<7, 0..<2, 2..<3, 6..<9, 4..<4]])
    #expect(ranges.axes == [[0..<3, 5..<9]])
    #expect(ranges.union(EntryRanges([[3..<5]])).axes == [[0..<9]])
    #expect(EntryRanges(all: Shape([3, 2])).axes == [[0..<3], []])
    #expect(EntryRanges([[], [1..<1]]).isEmpty && !ranges.isEmpty)
  }

  @Test("a rate goes to 1 in a straight line", arguments: [1.3, 0, 1])
  func rate(_ factor: Double) {
    let rate = NewEntries.Rate(factor: factor, steps: 250)
    #expect(rate.factor(after: 0) == factor)
    #expect(rate.factor(after: 125) == (1 + factor) / 2)
    #expect(abs(rate.factor(after: 249) - (1 + (factor - 1) / 250)) < 1e-15)
    #expect(rate.factor(after: 250) == 1 && rate.factor(after: .max) == 1)
  }

  private func clock(_ stepCount: Int, _ marks: [NewEntries]) -> ParameterClock {
    ParameterClock(
      name: "w", stepCount: stepCount, learningRateMultiplier: 0.5, epsilonMultiplier: 1,
      newEntries: marks)
  }

  /// What an entry's step is computed with.
  private struct Step: Hashable {
    var stepSize: Double
    var inverseRootCorrection: Double

    init(_ update: AdamWUpdate) {
      (stepSize, inverseRootCorrection) = (update.stepSize, update.inverseRootCorrection)
    }
  }

  /// The numbers of each entry.
  private func steps(_ clock: ParameterClock, _ optimizer: AdamWConfiguration) -> [Step] {
    guard
      case .adamW(let update) = optimizer.update(
        of: Self.parameter, clock: clock, learningRate: 0.1)
    else { return [] }
    var result: [Step] = []
    update.forEachRun(in: 0..<24) { run, update in result += run.map { _ in Step(update) } }
    return result
  }

  @Test("a rate ends after its steps, and nothing is left of it")
  func rateEnds() {
    let optimizer = AdamWConfiguration()
    let rows = EntryRanges([[1..<3], []])
    var clocks = [
      clock(7, [NewEntries(rows, rate: .init(factor: 1.3, steps: 250), hasOwnCount: false)])
    ]
    for update in 0..<250 {
      let all = steps(clocks[0], optimizer)
      let factor = 1 + 0.3 * (1 - Double(update) / 250)
      for element in 0..<24 {
        let expected = (6..<18).contains(element) ? factor : 1
        #expect(abs(all[element].stepSize / all[0].stepSize - expected) < 1e-14, "\(update)")
        #expect(all[element].inverseRootCorrection == all[0].inverseRootCorrection)
      }
      #expect(clocks[0].newEntries.count == 1)
      optimizer.advance(&clocks, of: [Self.parameter])
    }
    #expect(clocks[0] == clock(257, []))
  }

  @Test("a count of its own ends where float32 no longer tells it from the parameter's")
  func countEnds() throws {
    let optimizer = AdamWConfiguration(beta1: 0.9, beta2: 0.95)
    var clocks = [
      clock(40, [NewEntries(EntryRanges([[], [0..<1]]), rate: nil, hasOwnCount: true)])
    ]
    let plain = clock(40, [])
    #expect(steps(clocks[0], optimizer)[0] == steps(clock(0, []), optimizer)[0])
    #expect(steps(clocks[0], optimizer)[1] == steps(plain, optimizer)[1])
    var updates = 0
    while let mark = clocks[0].newEntries.first {
      #expect(mark.updates == updates)
      optimizer.advance(&clocks, of: [Self.parameter])
      updates += 1
      try #require(updates < 1000)
    }
    // 0.95³²⁵ is the first power below 2⁻²⁴ of what the parameter's own count corrects.
    #expect(abs(updates - 322) < 6)
    let (own, all) = (
      steps(clock(updates, []), optimizer)[0], steps(clock(40 + updates, []), optimizer)[0]
    )
    #expect(abs(own.stepSize / all.stepSize - 1) <= 0x1p-23)
    #expect(abs(own.inverseRootCorrection / all.inverseRootCorrection - 1) <= 0x1p-23)
  }

  @Test("of two growths the later counts, and the earlier does not come to light again")
  func twoGrowths() {
    let optimizer = AdamWConfiguration()
    var earlier = NewEntries(
      EntryRanges([[1..<4], []]), rate: .init(factor: 3, steps: 100), hasOwnCount: true)
    earlier.updates = 50
    let later = NewEntries(
      EntryRanges([[2..<4], []]), rate: .init(factor: 1.5, steps: 10), hasOwnCount: false)
    var clocks = [clock(200, [earlier, later])]
    func factors() -> [Double] {
      let all = steps(clocks[0], optimizer)
      let own = clocks[0].newEntries.first.map { steps(clock($0.updates, []), optimizer)[0] }
      return [0, 6, 12, 18].map { element in
        let base = element == 0 ? all[0] : own ?? all[0]
        #expect(all[element].inverseRootCorrection == base.inverseRootCorrection)
        return all[element].stepSize / base.stepSize
      }
    }
    for (found, expected) in zip(factors(), [1, 2, 1.5, 1.5]) {
      #expect(abs(found - expected) < 1e-14)
    }
    for _ in 0..<20 { optimizer.advance(&clocks, of: [Self.parameter]) }
    for (found, expected) in zip(factors(), [1, 1.6, 1, 1]) {
      #expect(abs(found - expected) < 1e-14)
    }
    for _ in 0..<30 { optimizer.advance(&clocks, of: [Self.parameter]) }
    #expect(clocks[0].newEntries.map(\.hasOwnCount) == [true])
    #expect(clocks[0].newEntries.map(\.rate) == [nil])
  }

  @Test("Muon has a count of its own as long as its momentum remembers")
  func muon() {
    let optimizer = OptimizerConfiguration.muon(MuonConfiguration(momentum: 0.5))
    var clocks = [
      clock(40, [NewEntries(EntryRanges([[], [0..<1]]), rate: nil, hasOwnCount: true)])
    ]
    for _ in 0..<23 { optimizer.advance(&clocks, of: [Self.parameter]) }
    #expect(clocks[0].newEntries.count == 1)
    optimizer.advance(&clocks, of: [Self.parameter])
    #expect(clocks[0] == clock(64, []))
  }

  @Test("a clock comes back from JSON, and one without new entries is written as it always was")
  func coding() throws {
    let mark = NewEntries(
      EntryRanges([[1..<3, 4..<5], []]), rate: .init(factor: 1.3, steps: 250), hasOwnCount: true)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let data = try encoder.encode(clock(9, [mark]))
    #expect(
      String(decoding: data, as: UTF8.self)
        == #"{"epsilonMultiplier":1,"learningRateMultiplier":0.5,"name":"w","newEntries":["#
        + #"{"entries":[[[1,3],[4,5]],[]],"hasOwnCount":true,"#
        + #""rate":{"factor":1.3,"steps":250},"updates":0}],"stepCount":9}"#)
    #expect(try JSONDecoder().decode(ParameterClock.self, from: data) == clock(9, [mark]))
    let plain = try encoder.encode(clock(9, []))
    #expect(
      String(decoding: plain, as: UTF8.self)
        == #"{"epsilonMultiplier":1,"learningRateMultiplier":0.5,"name":"w","stepCount":9}"#)
    #expect(try JSONDecoder().decode(ParameterClock.self, from: plain) == clock(9, []))
  }
}
