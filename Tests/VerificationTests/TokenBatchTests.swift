// SPDX-License-Identifier: Apache-2.0
import Architectures
import Testing
import Text
import Verification

@Suite("Batches to measure on") struct TokenBatchTests {
  @Test("random tokens are of the vocabulary, differ, and follow their seed")
  func random() throws {
    let model = SmallModel.llama.configuration
    let batches = TokenBatch.random(count: 5, for: model, sequences: 3, length: 99, seed: 1)
    #expect(batches.count == 5)
    for batch in batches {
      #expect(batch.sequenceCount == 3 && batch.sequenceLength == model.contextLength)
      #expect(batch.inputs.allSatisfy { (0..<19).contains($0) })
      for row in 0..<3 {
        let tokens = batch.inputs[row * 12..<(row + 1) * 12]
        #expect(Set(tokens).count > 3)
        #expect(Array(tokens.dropFirst()) == Array(batch.targets[row * 12..<(row + 1) * 12 - 1]))
      }
    }
    #expect(Set(batches.flatMap(\.inputs)).count == 19)
    #expect(Set(batches.map(\.inputs)).count == 5)
    #expect(batches == TokenBatch.random(count: 5, for: model, sequences: 3, length: 99, seed: 1))
    #expect(batches != TokenBatch.random(count: 5, for: model, sequences: 3, length: 99, seed: 2))
  }

  @Test("rows of tokens that follow each other, and begin again where they end")
  func consecutive() throws {
    let tokens = (0..<20).map { Int32($0) }
    let batches = try TokenBatch.consecutive(tokens, count: 3, sequences: 2, length: 4)
    #expect(batches[0].inputs == [0, 1, 2, 3, 4, 5, 6, 7])
    #expect(batches[0].targets == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(batches[2].inputs == [0, 1, 2, 3, 4, 5, 6, 7])
    let short = try TokenBatch.consecutive([1, 2, 3], count: 2, sequences: 1, length: 9)
    #expect(short.allSatisfy { $0.inputs == [1, 2] && $0.targets == [2, 3] })
    #expect(throws: VerificationError.self) {
      try TokenBatch.consecutive([1, 2], count: 1, sequences: 1, length: 1)
    }
  }

  @Test("rows are spread over the whole text, and each batch is")
  func spread() throws {
    let text = try InMemoryTokens((0..<1000).map { Int32($0) }, vocabularySize: 1000)
    let batches = try TokenBatch.spread(over: text, count: 3, sequences: 2, length: 9)
    // Of 111 windows, those in the middle of six equal parts, dealt out in turn.
    #expect(
      batches.map { [$0.inputs[0] / 9, $0.inputs[9] / 9] } == [[9, 64], [27, 83], [46, 101]])
    for batch in batches { #expect(batch.targets == batch.inputs.map { $0 + 1 }) }
    let short = try InMemoryTokens((0..<20).map { Int32($0) }, vocabularySize: 20)
    #expect(
      try TokenBatch.spread(over: short, count: 3, sequences: 2, length: 4)
        == TokenBatch.consecutive(short.tokens, count: 3, sequences: 2, length: 4))
    let empty = try InMemoryTokens([1], vocabularySize: 2)
    #expect(throws: VerificationError.self) {
      try TokenBatch.spread(over: empty, count: 1, sequences: 1, length: 1)
    }
  }
}
