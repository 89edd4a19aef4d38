// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Training

@Suite("LearningRateSchedule") struct LearningRateScheduleTests {
  private func step(_ number: Int, tokens: Int = 100) -> TrainingProgress {
    TrainingProgress(
      steps: number, tokens: number * tokens, floatingPointOperations: Double(number) * 1e6)
  }

  @Test(
    "equals PyTorch's schedulers",
    arguments: [
      LearningRateSchedule.Kind.cosine, .linear,
    ])
  func goldens(_ kind: LearningRateSchedule.Kind) throws {
    let golden = try OptimizerGolden.load()
    let schedule = LearningRateSchedule(
      kind: kind, peak: golden.peak, warmup: .steps(golden.warmup), total: .steps(golden.total),
      floor: golden.floor)
    let expected = kind == .cosine ? golden.cosine : golden.linear
    #expect(expected.count == 40)
    for (index, rate) in expected.enumerated() {
      #expect(abs(schedule.rate(at: step(index + 1)) - rate) < 1e-14)
    }
  }

  @Test(
    "rises by peak · s / warm-up, has the peak at its end, the floor at the total",
    arguments: LearningRateSchedule.Kind.allCases)
  func landmarks(_ kind: LearningRateSchedule.Kind) {
    let schedule = LearningRateSchedule(
      kind: kind, peak: 0.3, warmup: .steps(10), total: .steps(50), floor: 0.2)
    for number in 1...10 {
      #expect(schedule.rate(at: step(number)) == 0.3 * (Double(number) / 10))
    }
    let last = kind == .constant ? 0.3 : 0.3 * 0.2
    for number in [50, 51, 5000] { #expect(schedule.rate(at: step(number)) == last) }
    for number in 11..<50 {
      #expect(schedule.rate(at: step(number)) <= schedule.rate(at: step(number - 1)))
    }
  }

  @Test("no warm-up and total begin at the fall's first step") func withoutWarmup() {
    let schedule = LearningRateSchedule(kind: .linear, peak: 1, total: .steps(4), floor: 0)
    #expect((1...5).map { schedule.rate(at: step($0)) } == [0.75, 0.5, 0.25, 0, 0])
  }

  private static let halfRoot = 0.5.squareRoot()
  private static let falls: [(LearningRateSchedule.DecayShape, [Double])] = [
    (.linear, [0.75, 0.5, 0.25, 0]),
    (.cosine, [0.5 + 0.5 * halfRoot, 0.5, 0.5 - 0.5 * halfRoot, 0]),
    (.squareRoot, [0.5, 1 - halfRoot, 1 - 0.75.squareRoot(), 0]),
  ]

  @Test("WSD stays at the peak, then falls in each shape", arguments: falls)
  func wsd(_ shape: LearningRateSchedule.DecayShape, _ fall: [Double]) {
    for decay in [LearningRateSchedule.DecayLength.share(0.2), .duration(.steps(4))] {
      let schedule = LearningRateSchedule(
        kind: .wsd, peak: 2, warmup: .steps(2), total: .steps(20), floor: 0, decay: decay,
        decayShape: shape)
      #expect((2...16).allSatisfy { schedule.rate(at: step($0)) == 2 })
      for (index, share) in fall.enumerated() {
        #expect(abs(schedule.rate(at: step(17 + index)) - 2 * share) < 1e-12)
      }
    }
  }

  @Test(
    "over tokens and operations it is the schedule over steps of equal size",
    arguments: [
      (TrainingDuration.tokens(1000), TrainingDuration.tokens(5000)),
      (.floatingPointOperations(1e7), .floatingPointOperations(5e7)),
      (.steps(10), .tokens(5000)), (.tokens(1000), .steps(50)),
      (.steps(10), .floatingPointOperations(5e7)),
    ])
  func measures(_ warmup: TrainingDuration, _ total: TrainingDuration) {
    let expected = LearningRateSchedule(
      kind: .cosine, peak: 1, warmup: .steps(10), total: .steps(50))
    let schedule = LearningRateSchedule(kind: .cosine, peak: 1, warmup: warmup, total: total)
    var position = SchedulePosition()
    for number in 1...60 {
      let progress = step(number)
      let rate = schedule.rate(at: progress, position: position)
      #expect(abs(rate - expected.rate(at: progress)) < 1e-12)
      position.advance(to: progress, on: schedule)
    }
    #expect(position.warmupEnd == step(10))
  }

  @Test("growth moves the position and lets the rate rise again") func moved() {
    let schedule = LearningRateSchedule(
      kind: .linear, peak: 1, warmup: .steps(10), total: .steps(110), floor: 0)
    let position = SchedulePosition(
      moving: step(300), to: step(60), rewarmup: .steps(5))
    for number in 301...410 {
      let rise = min(1, Double(number - 300) / 5)
      let rate = schedule.rate(at: step(number), position: position)
      #expect(abs(rate - rise * schedule.rate(at: step(number - 240))) < 1e-12)
    }
    let sudden = SchedulePosition(moving: step(300), to: step(60))
    #expect(schedule.rate(at: step(301), position: sudden) == schedule.rate(at: step(61)))
    let backward = SchedulePosition(moving: step(300), to: step(0))
    #expect(schedule.rate(at: step(301), position: backward) == 0.1)
  }

  @Test(
    "what does not fit is named",
    arguments: [
      ("peak", LearningRateSchedule(peak: 0, total: .steps(1))),
      ("peak", LearningRateSchedule(peak: .nan, total: .steps(1))),
      ("floor", LearningRateSchedule(peak: 1, total: .steps(1), floor: 1.5)),
      ("total", LearningRateSchedule(peak: 1, total: nil)),
      ("total", LearningRateSchedule(peak: 1, total: .seconds(5))),
      ("total", LearningRateSchedule(peak: 1, total: .tokens(0))),
      ("warmup", LearningRateSchedule(peak: 1, warmup: .steps(3), total: .steps(2))),
      ("warmup", LearningRateSchedule(peak: 1, warmup: .steps(-3), total: .steps(2))),
      ("warmup", LearningRateSchedule(peak: 1, warmup: .seconds(1), total: .steps(2))),
      ("decay", LearningRateSchedule(kind: .wsd, peak: 1, total: .steps(2), decay: .share(2))),
      (
        "decay",
        LearningRateSchedule(kind: .wsd, peak: 1, total: .steps(2), decay: .duration(.tokens(1)))
      ),
    ])
  func invalid(_ key: String, _ schedule: LearningRateSchedule) {
    let error = #expect(throws: TrainingError.self) { try schedule.validate() }
    #expect(error?.subject == "schedule.\(key)")
  }

  @Test(
    "reads back from JSON",
    arguments: [
      LearningRateSchedule(kind: .wsd, peak: 1e-3, total: .tokens(7), decay: .duration(.tokens(3))),
      LearningRateSchedule(kind: .constant, peak: 1 / 3, total: nil),
      LearningRateSchedule(peak: 0.1, warmup: .tokens(10), total: .steps(4), floor: 0.1 + 0.2),
    ])
  func json(_ schedule: LearningRateSchedule) throws {
    let data = try JSONEncoder().encode(schedule)
    #expect(try JSONDecoder().decode(LearningRateSchedule.self, from: data) == schedule)
  }
}
