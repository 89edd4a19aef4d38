// SPDX-License-Identifier: Apache-2.0
import CKernels
import SeededRandom
import Testing

extension KernelTests {
  @Suite struct AttentionTests {
    static let float32 = 2e-6
    static let bfloat16 = 1e-2

    /// Every head size with every row count, and with them, in turn, every kind.
    static let squareShapes: [AttentionShape] = {
      var shapes: [AttentionShape] = []
      var turn = 0
      for headSize in [8, 20, 32, 48, 64, 128] {
        for rows in [1, 5, 31, 32, 33, 100, 257] where rows < 257 || headSize < 33 {
          shapes.append(
            AttentionShape(
              queryRows: rows, keyRows: rows, headSize: headSize, group: [1, 2, 4][turn % 3],
              causal: turn % 4 != 3, dropout: turn % 5 < 2 ? 0.3 : 0))
          turn += 1
        }
      }
      return shapes
    }()

    /// Queries at the end of longer sequences: decoding, and prompts that continue a cache.
    static let continuedShapes: [AttentionShape] = [
      AttentionShape(queryRows: 1, keyRows: 2, headSize: 8),
      AttentionShape(queryRows: 1, keyRows: 700, headSize: 64),
      AttentionShape(queryRows: 1, keyRows: 300, headSize: 20, dropout: 0.3),
      AttentionShape(queryRows: 1, keyRows: 33, headSize: 80, causal: false),
      AttentionShape(queryRows: 3, keyRows: 257, headSize: 128),
      AttentionShape(queryRows: 4, keyRows: 100, headSize: 48, group: 2, dropout: 0.3),
      AttentionShape(queryRows: 5, keyRows: 520, headSize: 64),
      AttentionShape(queryRows: 33, keyRows: 300, headSize: 20, group: 2),
      AttentionShape(queryRows: 70, keyRows: 600, headSize: 32, dropout: 0.3),
      AttentionShape(queryRows: 100, keyRows: 101, headSize: 256, causal: false),
      AttentionShape(queryRows: 257, keyRows: 300, headSize: 1),
    ]

    /// Windows narrower and wider than a tile, than a chunk of keys and than all.
    static let windows: [AttentionShape] = {
      var shapes: [AttentionShape] = []
      var turn = 0
      for rows in [1, 7, 33, 130, 300, 600] {
        for window in [1, 2, 5, 16, 47, 64, 100, 257, 599, 1000] {
          shapes.append(
            AttentionShape(
              queryRows: rows, keyRows: rows, headSize: [8, 20, 33][turn % 3],
              group: [1, 2][turn % 2], causal: turn % 4 != 3, window: window,
              dropout: turn % 5 < 1 ? 0.3 : 0))
          turn += 1
        }
      }
      return shapes
    }()

    static let continuedWindows: [AttentionShape] = [
      AttentionShape(queryRows: 1, keyRows: 700, headSize: 64, window: 300),
      AttentionShape(queryRows: 3, keyRows: 257, headSize: 20, window: 2, dropout: 0.3),
      AttentionShape(queryRows: 5, keyRows: 520, headSize: 64, window: 7),
      AttentionShape(queryRows: 70, keyRows: 600, headSize: 32, window: 257, dropout: 0.3),
      AttentionShape(queryRows: 100, keyRows: 900, headSize: 16, causal: false, window: 130),
    ]

    @Test(arguments: squareShapes + continuedShapes + windows + continuedWindows)
    func forwardFollowsFloat64(shape: AttentionShape) {
      let run = AttentionRun(shape, seed: shape.keyRows + shape.headSize)
      let expected = AttentionReference(shape).forward(doubles(run.x))
      for level in KernelLevel.available {
        for (result, tolerance, type) in [
          (level.use { run.forward() }, Self.float32, "float32"),
          (level.use { run.forwardInBFloat16() }, Self.bfloat16, "bfloat16"),
        ] {
          var outside = 0
          var (out, reference): ([Float], [Double]) = ([], [])
          for (i, value) in result.out.enumerated() {
            if i % shape.outputWidth < shape.group * shape.headSize {
              out.append(value)
              reference.append(expected.out[i])
            } else if value != AttentionRun.fence {
              outside += 1
            }
          }
          #expect(outside == 0, "\(level), \(type)")
          let error = relativeError(out, reference, least: 0.05)
          #expect(error <= tolerance, "\(level), \(type)")
          // The logarithm is kept in float32 in both.
          let lseError = relativeError(result.lse, expected.lse, least: 0.5)
          #expect(lseError <= Self.float32, "\(level), \(type), logarithms")
        }
      }
    }

    @Test(arguments: squareShapes + windows)
    func gradientsFollowFloat64(shape: AttentionShape) {
      let run = AttentionRun(shape, seed: shape.keyRows - shape.headSize)
      let expected = AttentionReference(shape).backward(doubles(run.x), doubles(run.dout))
      for level in KernelLevel.available {
        expectGradient(
          level.use { run.backward() }, expected, shape, Self.float32, "\(level), float32")
        expectGradient(
          level.use { run.backwardInBFloat16() }, expected, shape, Self.bfloat16,
          "\(level), bfloat16")
      }
    }

    private func expectGradient(
      _ dx: [Float], _ expected: [Double], _ shape: AttentionShape, _ tolerance: Double,
      _ what: String
    ) {
      for part in AttentionPart.allCases {
        let indices = dx.indices.filter { part.contains($0, shape) }
        let actual = indices.map { dx[$0] }
        if part == .padding {
          #expect(actual.allSatisfy { $0 == AttentionRun.fence }, "\(what)")
        } else {
          // One key's gradient is zero but for rounding, as are the first rows of all.
          let error = relativeError(actual, indices.map { expected[$0] }, least: 0.3)
          #expect(error <= tolerance, "\(what), \(part.rawValue)")
        }
      }
    }
  }
}

// MARK: Scores, workspace

extension KernelTests.AttentionTests {
  /// Integers, so that scores of thousands are exact and only the softmax is tested.
  ///
  /// The first keys' scores are far smaller: what they add must vanish when the others come.
  private static func largeScores(_ shape: AttentionShape) -> AttentionRun {
    var run = AttentionRun(shape, seed: 11)
    var generator = SplitMix64(seed: 12)
    for i in run.x.indices where !AttentionPart.value.contains(i, shape) {
      let magnitude = i < shape.key(min(256, shape.keyRows / 2)) ? 8 : 80
      run.x[i] = Float(Int.random(in: -magnitude...magnitude, using: &generator))
    }
    return run
  }

  @Test(arguments: [1, 40, 520])
  func scoresOfTenThousandStayExact(queryRows: Int) {
    let shape = AttentionShape(queryRows: queryRows, keyRows: 520, headSize: 16, scale: 1)
    let run = Self.largeScores(shape)
    let expected = AttentionReference(shape).forward(doubles(run.x))
    #expect(expected.lse.contains { $0 > 1e4 })
    for level in KernelLevel.available {
      let (out, lse) = level.use { run.forward() }
      let indices = out.indices.filter { $0 % shape.outputWidth < shape.headSize }
      let error = relativeError(indices.map { out[$0] }, indices.map { expected.out[$0] })
      #expect(error <= Self.float32, "\(level)")
      #expect(relativeError(lse, expected.lse) <= 2e-7, "\(level)")
      let half = level.use { run.forwardInBFloat16() }.out
      #expect(
        relativeError(indices.map { half[$0] }, indices.map { expected.out[$0] })
          <= Self.bfloat16, "\(level)")
    }
  }

  @Test func gradientsOfLargeScoresStayFinite() {
    let shape = AttentionShape(queryRows: 100, keyRows: 100, headSize: 16, scale: 1)
    let run = Self.largeScores(shape)
    let expected = AttentionReference(shape).backward(doubles(run.x), doubles(run.dout))
    for level in KernelLevel.available {
      let dx = level.use { run.backward() }
      let indices = dx.indices.filter { AttentionPart.value.contains($0, shape) }
      // The logarithm of 1e4 in float32 is good to 5e-4, and so is a weight made from it.
      #expect(
        relativeError(indices.map { dx[$0] }, indices.map { expected[$0] }) <= 1e-3, "\(level)")
      #expect(dx.allSatisfy { $0.isFinite }, "\(level)")
      #expect(level.use { run.backwardInBFloat16() }.allSatisfy { $0.isFinite }, "\(level)")
    }
  }

  @Test func notANumberShowsInTheRowsThatSeeIt() {
    let shape = AttentionShape(queryRows: 70, keyRows: 70, headSize: 16)
    var run = AttentionRun(shape, seed: 3)
    run.x[shape.key(40)] = .nan
    for level in KernelLevel.available {
      for out in [
        level.use { run.forward() }.out, level.use { run.forwardInBFloat16() }.out,
      ] {
        for row in 0..<70 {
          #expect(out[shape.output(0, row)].isNaN == (row >= 40), "\(level), row \(row)")
        }
      }
    }
  }

  @Test func workspaceIsLinearInKeys() {
    for level in KernelLevel.available {
      for backward: Int32 in [0, 1] {
        for bfloat16: Int32 in [0, 1] {
          func bytes(_ rows: Int) -> Int {
            var shape = AttentionShape(queryRows: rows, keyRows: rows, headSize: 64).kernelShape
            return level.use { ck_attention_workspace(&shape, backward, bfloat16) }
          }
          let (small, large) = (bytes(1 << 12), bytes(1 << 20))
          #expect(large - small <= ((1 << 20) - (1 << 12)) * 64 * 4 * 5 + 4096, "\(level)")
          #expect(small % 64 == 0, "\(level)")
        }
      }
    }
  }
}

// MARK: The reference

extension KernelTests.AttentionTests {
  @Test(arguments: [
    AttentionShape(queryRows: 5, keyRows: 5, headSize: 3, group: 2),
    AttentionShape(queryRows: 4, keyRows: 4, headSize: 2, group: 2, causal: false, dropout: 0.3),
    AttentionShape(queryRows: 2, keyRows: 6, headSize: 3, dropout: 0.3),
    AttentionShape(queryRows: 5, keyRows: 5, headSize: 3, group: 2, window: 2, dropout: 0.3),
    AttentionShape(queryRows: 4, keyRows: 6, headSize: 2, causal: false, window: 3),
  ])
  func referenceGradientsFollowDifferences(shape: AttentionShape) {
    let reference = AttentionReference(shape)
    let run = AttentionRun(shape, seed: 21)
    let (x, dout) = (doubles(run.x), doubles(run.dout))
    let dx = reference.backward(x, dout)
    for i in x.indices {
      let difference = centralDifference(
        { value in
          var moved = x
          moved[i] = value
          return zip(reference.forward(moved).out, dout).map { $0 * $1 }.reduce(0, +)
        }, at: x[i])
      #expect(abs(difference - dx[i]) <= 1e-8)
    }
  }
}
