// SPDX-License-Identifier: Apache-2.0
import RunLogs
import Staging
import Testing
import Training

@Suite("What people watch")
struct ProgressTests {
  private func step(_ number: Int, tokens: Int, flops: Double, seconds: Double) -> StepRecord {
    StepRecord(
      step: number, loss: 3, tokens: tokens, flops: flops, seconds: seconds, learningRate: 1e-3,
      gradientNorm: 1, sequences: 1, sequenceLength: 1)
  }

  @Test("speed, share of the peak and time left")
  func meter() throws {
    var meter = ProgressMeter(
      start: TrainingProgress(steps: 10, tokens: 1000, floatingPointOperations: 5e9, seconds: 100),
      length: .tokens(2000), peak: 1e10)
    let record = step(12, tokens: 1200, flops: 1.5e10, seconds: 102)
    let result = meter.advance(with: record)
    let reading = try #require(result)
    #expect(reading.tokensPerSecond == 100)
    #expect(reading.floatingPointOperationsPerSecond == 5e9)
    #expect(reading.shareOfPeak == 0.5)
    #expect(reading.shareDone == 0.6)
    #expect(reading.secondsLeft == 8)
  }

  @Test("rates follow the last window only")
  func window() throws {
    var meter = ProgressMeter(
      start: TrainingProgress(), length: .steps(100), peak: nil, window: 10)
    // Slow at first, ten times as fast later.
    for number in 1...5 {
      _ = meter.advance(
        with: step(number, tokens: number * 10, flops: 0, seconds: Double(number) * 10))
    }
    var last: ProgressMeter.Reading?
    for number in 6...30 {
      last = meter.advance(
        with: step(number, tokens: number * 10, flops: 0, seconds: 50 + Double(number - 5)))
    }
    let reading = try #require(last)
    #expect(reading.tokensPerSecond == 10)
    #expect(reading.secondsLeft == 70)
    #expect(reading.shareOfPeak == nil)
  }

  @Test("no time has passed, no reading; no length, no time left")
  func edges() throws {
    var meter = ProgressMeter(start: TrainingProgress(), length: nil, peak: nil)
    #expect(meter.advance(with: step(1, tokens: 1, flops: 1, seconds: 0)) == nil)
    let result = meter.advance(with: step(2, tokens: 2, flops: 2, seconds: 1))
    let reading = try #require(result)
    #expect(reading.secondsLeft == nil)
    #expect(reading.shareDone == nil)
  }

  @Test(
    "edit distances",
    arguments: [
      ("", "", 0), ("", "abc", 3), ("layers", "layers", 0), ("layer", "layers", 1),
      ("laeyrs", "layers", 1), ("kitten", "sitting", 3), ("epsilon", "epsilom", 1),
    ])
  func editDistance(left: String, right: String, distance: Int) {
    #expect(NearestName.distance(left, right) == distance)
    #expect(NearestName.distance(right, left) == distance)
  }

  @Test("the nearest name is suggested, but no guess")
  func nearestName() {
    let names = ["sequences", "accumulate", "warmup"]
    #expect(NearestName.of("sequence", among: names) == "sequences")
    #expect(NearestName.of("WARMUP", among: names) == "warmup")
    #expect(NearestName.of("colour", among: names) == nil)
    #expect(NearestName.of("x", among: []) == nil)
  }
}
