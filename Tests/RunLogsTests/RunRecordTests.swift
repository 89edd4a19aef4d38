// SPDX-License-Identifier: Apache-2.0
import Foundation
import RunLogs
import Testing

@Suite("RunRecord") struct RunRecordTests {
  static let step = StepRecord(
    step: 3, loss: 0.1 + 0.2, tokens: 3 << 40, flops: 1.5e21, seconds: 1e-7, learningRate: 6e-4,
    gradientNorm: 1, sequences: 32, sequenceLength: 256)

  @Test("a step has exactly the named keys and shortest numbers")
  func stepLine() {
    #expect(
      RunRecord.step(Self.step).jsonLine
        == #"{"kind":"step","step":3,"loss":0.30000000000000004,"tokens":3298534883328,"#
        + #""flops":1.5e+21,"seconds":1e-07,"learningRate":0.0006,"gradientNorm":1.0,"#
        + #""sequences":32,"sequenceLength":256}"#)
  }

  @Test("every kind reads back equal") func roundTrip() throws {
    var measured = Self.step
    measured.gradientNoiseScale = 12.25
    measured.criticalBatchTokens = 3136
    let records: [RunRecord] = [
      .step(Self.step), .step(measured),
      .evaluation(
        EvaluationRecord(
          step: 3, validationLoss: 2.0.squareRoot(), tokens: 9, flops: 1, seconds: 0.25,
          targets: 17)),
      .evaluation(
        EvaluationRecord(
          step: 3, validationLoss: 1.5, tokens: 9, flops: 1, seconds: 0.25, targets: 17,
          validationTokens: 168)),
      .event(
        EventRecord(
          event: .checkpoint, step: 3, tokens: 9, flops: 1, seconds: 0.25,
          details: [
            "path": "a \"b\"\\\n\u{1}é😀", "count": 7, "share": 0.5, "final": true,
          ])),
      .event(EventRecord(event: "invented", step: 0, tokens: 0, flops: 0, seconds: 0)),
    ]
    for record in records {
      #expect(try RunRecord(jsonLine: Data(record.jsonLine.utf8)) == record)
    }
  }

  @Test("random doubles keep their bits") func doubles() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let value = Double(bitPattern: random.next())
      guard value.isFinite else { continue }
      var step = Self.step
      step.loss = value
      guard case .step(let read) = try RunRecord(jsonLine: Data(RunRecord.step(step).jsonLine.utf8))
      else {
        Issue.record("not a step")
        return
      }
      #expect(read.loss.bitPattern == value.bitPattern)
    }
  }

  @Test(
    "numbers that are not finite are null, and NaN when read",
    arguments: [
      Double.nan, .infinity, -.infinity,
    ])
  func notFinite(_ value: Double) throws {
    var step = Self.step
    step.loss = value
    let line = RunRecord.step(step).jsonLine
    #expect(line.contains(#""loss":null"#))
    #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    guard case .step(let read) = try RunRecord(jsonLine: Data(line.utf8)) else {
      Issue.record("not a step")
      return
    }
    #expect(read.loss.isNaN)
  }

  @Test(
    "what is no record is refused",
    arguments: [
      "", "{}", "[]", #"{"kind":"step","step":1}"#, #"{"kind":"other","step":1}"#,
      #"{"kind":"evaluation","step":"1"}"#, "\u{0}\u{0}",
    ])
  func refused(_ line: String) {
    #expect(throws: (any Error).self) { try RunRecord(jsonLine: Data(line.utf8)) }
  }

  @Test("unknown keys are left alone") func unknownKeys() throws {
    var line = RunRecord.step(Self.step).jsonLine
    line.removeLast()
    let read = try RunRecord(jsonLine: Data((line + #","later":[1]}"#).utf8))
    #expect(read == .step(Self.step))
  }
}
