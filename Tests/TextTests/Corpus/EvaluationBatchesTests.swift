// SPDX-License-Identifier: Apache-2.0
import Testing
import Text

@Suite("Evaluation batches") struct EvaluationBatchesTests {
  private func tokens(_ count: Int) throws -> InMemoryTokens {
    try InMemoryTokens((0..<Int32(count)).map { $0 }, vocabularySize: max(1, count))
  }

  /// The first token of each window, and each batch's shape.
  private func windows(
    of count: Int, limit: Int?, sequences: Int = 4, length: Int = 9
  ) throws -> (starts: [Int], shapes: [[Int]]) {
    var batches = try EvaluationBatches(
      tokens(count), sequenceCount: sequences, sequenceLength: length, windowLimit: limit)
    var result: (starts: [Int], shapes: [[Int]]) = ([], [])
    var targets = 0
    while let batch = try batches.next() {
      #expect(batch.targets == batch.inputs.map { $0 + 1 })
      targets += batch.targets.count
      result.shapes.append([batch.sequenceCount, batch.sequenceLength])
      for sequence in 0..<batch.sequenceCount {
        result.starts.append(Int(batch.inputs[sequence * batch.sequenceLength]))
      }
    }
    #expect(batches.targetCount == targets)
    return result
  }

  @Test("without a limit every token but the first is a target once, the last ones too")
  func all() throws {
    for limit in [nil, Int.max, 12] {
      let all = try windows(of: 106, limit: limit)
      #expect(all.starts == Array(stride(from: 0, to: 105, by: 9)))
      #expect(all.shapes == [[4, 9], [4, 9], [3, 9], [1, 6]])
    }
    #expect(try windows(of: 100, limit: nil).shapes == [[4, 9], [4, 9], [3, 9]])
  }

  @Test("a limit spreads windows over the whole row, not over its beginning")
  func spread() throws {
    #expect(try windows(of: 100, limit: 1).starts == [45])
    #expect(try windows(of: 100, limit: 2).starts == [18, 72])
    #expect(try windows(of: 100, limit: 3).starts == [9, 45, 81])
    #expect(try windows(of: 106, limit: 11).starts == Array(stride(from: 0, to: 99, by: 9)))
    #expect(try windows(of: 100, limit: 0).starts == [])
    for limit in 1...40 {
      let starts = try windows(of: 1000, limit: limit, sequences: 3, length: 7).starts
      #expect(starts.count == limit && Set(starts).count == limit && starts == starts.sorted())
      // As many windows in the first half as in the second, give or take one.
      let early = starts.count { $0 < 500 }
      #expect(abs(2 * early - limit) <= 1)
    }
  }

  @Test("less than a window and the token after it is too little") func tooShort() throws {
    let error = #expect(throws: TextError.self) {
      try EvaluationBatches(tokens(9), sequenceCount: 1, sequenceLength: 9)
    }
    #expect(error?.code == .insufficientTokens)
  }
}
