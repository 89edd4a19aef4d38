// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

extension KernelTests {
  @Suite struct EmbeddingTests {
    static let tokens: [Int32] = [4, 0, 4, 2, 1, 4, 0, 3]

    @Test(arguments: KernelLevel.available, oddSizes)
    func rowsAreTokensAndPositions(level: KernelLevel, D: Int) {
      let table = floats(5 * D, seed: D)
      let positions = floats(9 * D, seed: D + 1)
      var out = [Float](repeating: 7, count: 8 * D)
      level.use { ck_embedding_forward(table, Self.tokens, positions, 4, 2, &out, D, 1, 8) }
      var expected = [Float](repeating: 7, count: 8 * D)
      for r in 1..<8 {
        for i in 0..<D {
          expected[r * D + i] =
            table[Int(Self.tokens[r]) * D + i] + positions[(2 + r % 4) * D + i]
        }
      }
      #expect(out == expected)
      level.use { ck_embedding_forward(table, Self.tokens, nil, 4, 0, &out, D, 0, 8) }
      #expect(out == Self.tokens.flatMap { table[Int($0) * D..<Int($0) * D + D] })
    }

    @Test(arguments: KernelLevel.available, oddSizes)
    func gradientsAddUpByToken(level: KernelLevel, D: Int) {
      let dx = floats(8 * D, seed: D)
      var dtable = floats(5 * D, seed: D + 1)
      var expected = doubles(dtable)
      for (r, token) in Self.tokens.enumerated() {
        for i in 0..<D { expected[Int(token) * D + i] += Double(dx[r * D + i]) }
      }
      let split = D / 3
      level.use {
        ck_embedding_backward(dx, Self.tokens, &dtable, 8, D, 0, split)
        ck_embedding_backward(dx, Self.tokens, &dtable, 8, D, split, D)
      }
      expectClose(dtable, expected)
    }

    @Test(arguments: KernelLevel.available, oddSizes)
    func gradientsAddUpByPosition(level: KernelLevel, D: Int) {
      let dx = floats(12 * D, seed: D)
      var dpositions = floats(5 * D, seed: D + 1)
      var expected = doubles(dpositions)
      for r in 0..<12 {
        for i in 0..<D { expected[r % 4 * D + i] += Double(dx[r * D + i]) }
      }
      let split = D / 2
      level.use {
        ck_position_backward(dx, &dpositions, 12, 4, D, split, D)
        ck_position_backward(dx, &dpositions, 12, 4, D, 0, split)
      }
      expectClose(dpositions, expected)
    }
  }
}
