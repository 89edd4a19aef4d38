// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Training

@Suite("TrainingDuration") struct TrainingDurationTests {
  @Test(
    "reads",
    arguments: [
      ("200 steps", TrainingDuration.steps(200)), ("1 step", .steps(1)), ("0 steps", .steps(0)),
      ("1.5k steps", .steps(1500)), ("2e3 steps", .steps(2000)),
      ("20M tokens", .tokens(20_000_000)), ("20 M tokens", .tokens(20_000_000)),
      ("20Mtokens", .tokens(20_000_000)), ("4.35M tokens", .tokens(4_350_000)),
      ("0.3B tokens", .tokens(300_000_000)), ("0.3G tokens", .tokens(300_000_000)),
      ("2T tokens", .tokens(2_000_000_000_000)), ("5 Tokens", .tokens(5)),
      ("9223372036854775807 tokens", .tokens(.max)),
      ("1.5e15 FLOPs", .floatingPointOperations(1.5e15)),
      ("3G flops", .floatingPointOperations(3e9)),
      ("1.1e-3T FLOPs", .floatingPointOperations(1.1e9)),
      ("90 minutes", .seconds(5400)), ("2 hours", .seconds(7200)), ("30 seconds", .seconds(30)),
      ("0.5 hours", .seconds(1800)), (" 1 minute ", .seconds(60)), ("1 day", .seconds(86400)),
    ])
  func reads(_ text: String, _ expected: TrainingDuration) throws {
    #expect(try TrainingDuration(parsing: text) == expected)
    #expect(TrainingDuration(text) == expected)
  }

  @Test(
    "refuses, repeating the text",
    arguments: [
      "", "steps", "200", "20M", "-5 steps", "1.5 steps", "1e400 FLOPs", "20X tokens", "5 epochs",
      "10 steps more", "1e30 tokens", "9223372036854775808 tokens", "nan steps", "inf FLOPs", "5 M",
      "1e99999999999999999999 FLOPs", "0x10 steps", ". steps", "٣ steps", "1_000 steps",
    ])
  func refuses(_ text: String) {
    let error = #expect(throws: TrainingError.self) { try TrainingDuration(parsing: text) }
    #expect(error?.code == .invalidDuration)
    #expect(error?.message.contains("'\(text)'") ?? false)
    #expect(TrainingDuration(text) == nil)
  }

  @Test(
    "is written plainly",
    arguments: [
      (TrainingDuration.steps(1), "1 step"), (.steps(20_000), "20000 steps"),
      (.tokens(20_000_000), "20M tokens"), (.tokens(20_000_001), "20000001 tokens"),
      (.tokens(0), "0 tokens"), (.floatingPointOperations(1.5e18), "1.5e18 FLOPs"),
      (.floatingPointOperations(300), "300 FLOPs"), (.seconds(5400), "90 minutes"),
      (.seconds(7200), "2 hours"), (.seconds(0.25), "0.25 seconds"), (.seconds(0), "0 seconds"),
    ])
  func writes(_ duration: TrainingDuration, _ text: String) throws {
    #expect(duration.description == text)
    let json = try JSONEncoder().encode([duration])
    #expect(String(decoding: json, as: UTF8.self) == "[\"\(text)\"]")
  }

  @Test("reads back exactly what it wrote") func roundTrip() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      let whole = Int.random(in: 0...(.max >> Int.random(in: 0..<62, using: &random)))
      let real = Double.random(in: 0...1) * pow(10, Double.random(in: -20...30))
      let seconds = [
        real, Double(whole >> 20), Double(whole >> 30) * 60, Double(whole >> 30) * 3600,
      ]
      let durations: [TrainingDuration] =
        [.steps(whole), .tokens(whole), .floatingPointOperations(real)]
        + seconds.map { .seconds($0) }
      for duration in durations {
        #expect(try TrainingDuration(parsing: duration.description) == duration)
      }
    }
  }

  @Test("is reached and crossed in its own measure") func progress() {
    let start = TrainingProgress(steps: 99, tokens: 900, floatingPointOperations: 5, seconds: 1)
    let end = TrainingProgress(steps: 100, tokens: 2100, floatingPointOperations: 9, seconds: 2)
    #expect(TrainingDuration.steps(100).isReached(by: end))
    #expect(!TrainingDuration.steps(100).isReached(by: start))
    #expect(TrainingDuration.floatingPointOperations(9).isReached(by: end))
    #expect(TrainingDuration.seconds(2).isReached(by: end))
    #expect(TrainingDuration.steps(50).isCrossed(from: start, to: end))
    #expect(!TrainingDuration.steps(50).isCrossed(from: end, to: end))
    #expect(TrainingDuration.tokens(1000).isCrossed(from: start, to: end))
    #expect(!TrainingDuration.tokens(2200).isCrossed(from: start, to: end))
    #expect(!TrainingDuration.steps(0).isCrossed(from: start, to: end))
  }
}
