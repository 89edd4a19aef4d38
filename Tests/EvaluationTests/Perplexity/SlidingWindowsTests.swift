// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Testing
import Text

@Suite("Sliding windows") struct SlidingWindowsTests {
  /// Where the context of token `index` begins: the first window that reaches it.
  private func contextStart(of index: Int, context: Int, stride: Int) -> Int {
    max(0, (index - context + stride - 1) / stride * stride)
  }

  @Test(
    "score every token but the first once, each with the context that the stride leaves",
    arguments: [2, 3, 8, 9, 10, 16, 17, 31, 64], [1, 3, 7, 8])
  func bookkeeping(tokenCount: Int, stride: Int) throws {
    for batch in [1, 2, 5, 8] { try check(tokenCount, context: 8, stride: stride, batch: batch) }
  }

  private func check(_ tokenCount: Int, context: Int, stride: Int, batch: Int) throws {
    let tokens = (0..<Int32(tokenCount)).map { $0 * 7 % 71 }
    let model = FakeModel(hashing: 71)
    let scores = try PerplexityEvaluation(
      contextLength: context, stride: stride, windowsPerBatch: batch
    ).run(InMemoryTokens(tokens, vocabularySize: 71), model: model)

    let expected = (1..<tokenCount).map { index in
      let start = contextStart(of: index, context: context, stride: stride)
      return FakeModel.Scored(context: Array(tokens[start..<index]), target: tokens[index])
    }
    #expect(model.scored == expected)
    #expect(scores.loss.targetCount == tokenCount - 1)
    #expect(expected.dropFirst(context).allSatisfy { $0.context.count > context - stride })
    #expect(model.batches.allSatisfy { $0.sequenceCount <= batch && $0.sequenceLength <= context })
  }

  @Test("the number of windows and batches is the least") func count() throws {
    let windows = try SlidingWindows(tokenCount: 21, contextLength: 8, stride: 4)
    #expect(windows.count == 4)
    #expect(windows.map(\.start) == [0, 4, 8, 12])
    #expect(windows.map(\.scored) == [0..<8, 4..<8, 4..<8, 4..<8])
    #expect(try SlidingWindows(tokenCount: 22, contextLength: 8, stride: 4).last?.scored == 4..<5)
    #expect(try SlidingWindows(tokenCount: 9, contextLength: 8, stride: 1).count == 1)
    #expect(try SlidingWindows(tokenCount: 10, contextLength: 8, stride: 1).count == 2)
  }

  @Test("reports progress to the end, and stops where that throws") func progress() throws {
    struct Stop: Error {}
    let row = try InMemoryTokens([Int32](repeating: 1, count: 41), vocabularySize: 3)
    let evaluation = PerplexityEvaluation(contextLength: 4, stride: 4, windowsPerBatch: 4)
    var seen: [EvaluationProgress] = []
    _ = try evaluation.run(row, model: FakeModel(hashing: 3)) { seen.append($0) }
    #expect(seen.map(\.done) == [4, 8, 10])
    #expect(seen.allSatisfy { $0.total == 10 })
    let model = FakeModel(hashing: 3)
    #expect(throws: Stop.self) { try evaluation.run(row, model: model) { _ in throw Stop() } }
    #expect(model.batches.count == 1)
  }

  @Test(
    "settings out of range are errors",
    arguments: [(0, 1, 1, 5), (4, 0, 1, 5), (4, 5, 1, 5), (4, 2, 0, 5), (4, 2, 1, 1), (4, 2, 1, 0)])
  func settings(_ context: Int, _ stride: Int, _ batch: Int, _ count: Int) throws {
    let row = try InMemoryTokens([Int32](repeating: 0, count: count), vocabularySize: 2)
    #expect(throws: EvaluationError.self) {
      try PerplexityEvaluation(contextLength: context, stride: stride, windowsPerBatch: batch)
        .run(row, model: FakeModel(hashing: 2))
    }
  }

  @Test("defaults: half the context, some thousand tokens in a batch") func defaults() {
    let evaluation = PerplexityEvaluation(contextLength: 1024)
    #expect(evaluation.stride == 512)
    #expect(evaluation.windowsPerBatch == 4)
    #expect(PerplexityEvaluation(contextLength: 1).stride == 1)
  }
}
