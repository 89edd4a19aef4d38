// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Training

@Suite("BatchConfiguration") struct BatchConfigurationTests {
  @Test("without warm-up every step is full") func full() {
    let batch = BatchConfiguration(sequences: 8, accumulate: 3)
    #expect(batch.sequencesPerStep(afterTokens: 0) == 24)
    #expect(batch.microBatches(sequenceCount: 24) == [8, 8, 8])
    #expect(batch.sequenceLength(afterTokens: 0, contextLength: 100) == 100)
  }

  @Test("sequences rise linearly with the tokens seen") func sequences() {
    let batch = BatchConfiguration(
      sequences: 8, accumulate: 4, sequencesWarmup: .init(start: 2, tokens: 1000))
    let expected = [(0, 2), (33, 2), (34, 3), (500, 17), (999, 31), (1000, 32), (9999, 32)]
    for (seen, count) in expected {
      #expect(batch.sequencesPerStep(afterTokens: seen) == count)
    }
    #expect(batch.microBatches(sequenceCount: 17) == [8, 8, 1])
    #expect(batch.microBatches(sequenceCount: 2) == [2])
  }

  @Test("lengths rise in multiples of eight up to the context") func lengths() {
    let batch = BatchConfiguration(
      sequences: 1, sequenceLengthWarmup: .init(start: 16, tokens: 840))
    func length(_ seen: Int, _ context: Int = 100) -> Int {
      batch.sequenceLength(afterTokens: seen, contextLength: context)
    }
    #expect([0, 79, 80, 420, 839].map { length($0) } == [16, 16, 24, 56, 96])
    #expect(length(840) == 100)
    #expect(length(0, 5) == 5)
    let tiny = BatchConfiguration(
      sequences: 1, sequenceLengthWarmup: .init(start: 1, tokens: 100))
    #expect(tiny.sequenceLength(afterTokens: 0, contextLength: 64) == 8)
  }

  @Test(
    "what does not fit is named",
    arguments: [
      ("sequences", BatchConfiguration(sequences: 0)),
      ("accumulate", BatchConfiguration(sequences: 1, accumulate: -1)),
      ("sequences", BatchConfiguration(sequences: .max)),
      (
        "sequencesWarmup.start",
        BatchConfiguration(sequences: 1, sequencesWarmup: .init(start: 2, tokens: 5))
      ),
      (
        "sequencesWarmup.tokens",
        BatchConfiguration(sequences: 3, sequencesWarmup: .init(start: 2, tokens: 0))
      ),
      (
        "sequenceLengthWarmup.start",
        BatchConfiguration(sequences: 3, sequenceLengthWarmup: .init(start: 0, tokens: 5))
      ),
    ])
  func invalid(_ key: String, _ batch: BatchConfiguration) {
    let error = #expect(throws: TrainingError.self) { try batch.validate() }
    #expect(error?.subject == "batch.\(key)")
  }
}
