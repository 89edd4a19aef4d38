// SPDX-License-Identifier: Apache-2.0
import CKernels
import Foundation
import Tensors
import Testing

/// log softmax(scale · x) of one row, in float64.
func logSoftmax(_ x: [Double], scale: Double) -> [Double] {
  let z = x.map { $0 * scale }
  let largest = z.max() ?? 0
  let total = log(z.reduce(0) { $0 + exp($1 - largest) })
  return z.map { $0 - largest - total }
}

extension KernelTests {
  @Suite struct LossTests {
    static let weight: Float = 0.125

    /// Losses and gradients of one level.
    static func run(
      _ level: KernelLevel, _ logits: [Float], _ targets: [Int32], scale: Float, V: Int
    ) -> (losses: [Float], gradient: [Float], bfloat16Gradient: [UInt16]) {
      var gradient = logits
      var copy = logits
      var half = [UInt16](repeating: 0xABCD, count: logits.count)
      var losses = [Float](repeating: 7, count: targets.count)
      var again = losses
      level.use {
        ck_cross_entropy_f32(&gradient, targets, scale, weight, &losses, V, 0, targets.count)
        ck_cross_entropy_bf16(&copy, &half, targets, scale, weight, &again, V, 0, targets.count)
      }
      #expect(losses.map(\.bitPattern) == again.map(\.bitPattern))
      return (losses, gradient, half)
    }

    @Test(arguments: oddSizes, [1, 0.25, 2.5] as [Float])
    func gradientIsTheLossesDerivative(V: Int, scale: Float) {
      let targets: [Int32] = [0, -1, Int32(V - 1), Int32(V / 2)]
      let logits = floats(4 * V, seed: V, magnitude: 4)
      var losses: [Double] = []
      var gradient: [Double] = []
      for (r, target) in targets.enumerated() {
        let row = doubles(Array(logits[r * V..<r * V + V]))
        if target < 0 {
          losses.append(0)
          gradient += [Double](repeating: 0, count: V)
          continue
        }
        losses.append(-logSoftmax(row, scale: Double(scale))[Int(target)])
        gradient += row.indices.map { index in
          Double(Self.weight)
            * centralDifference(
              { value in
                var moved = row
                moved[index] = value
                return -logSoftmax(moved, scale: Double(scale))[Int(target)]
              }, at: row[index])
        }
      }
      for level in KernelLevel.available {
        let result = Self.run(level, logits, targets, scale: scale, V: V)
        expectClose(result.losses, losses, .float32, "\(level) losses")
        let tolerance = Tolerance(relative: 5e-7, scale: Double(Self.weight * scale))
        expectClose(result.gradient, gradient, tolerance, "\(level) gradient")
        expectClose(widened(result.bfloat16Gradient), gradient, .bfloat16, "\(level) bf16")
        #expect(result.bfloat16Gradient == bits(result.gradient))
      }
    }

    @Test(arguments: KernelLevel.available)
    func aWholeVocabularyIsExact(level: KernelLevel) {
      let V = 50257
      let logits = floats(2 * V, seed: 3, magnitude: 12)
      let targets: [Int32] = [50256, 17]
      let result = Self.run(level, logits, targets, scale: 1, V: V)
      for r in 0..<2 {
        let twin = logSoftmax(doubles(Array(logits[r * V..<r * V + V])), scale: 1)
        expectClose([result.losses[r]], [-twin[Int(targets[r])]], .float32)
        let gradient = twin.indices.map {
          (exp(twin[$0]) - ($0 == Int(targets[r]) ? 1 : 0)) * Double(Self.weight)
        }
        // Relative to each element: small probabilities are as exact as large ones, but for the
        // rounding of z − largest, which is 24 at most.
        expectClose(
          Array(result.gradient[r * V..<r * V + V]), gradient,
          Tolerance(relative: 2e-6, scale: 1e-30))
      }
    }

    @Test(arguments: KernelLevel.available)
    func extremesSaturate(level: KernelLevel) {
      let V = 1100
      var logits = floats(5 * V, seed: 4)
      logits[3] = 1e4  // row 0: all of the mass on one element, not the target
      logits[V + 1050] = 1e4  // row 1: the target, in the second block
      for i in 2 * V..<2 * V + 1090 { logits[i] = -.infinity }  // row 2: a first block of nothing
      logits[3 * V + 8] = .nan
      for i in 4 * V..<5 * V { logits[i] = -1e4 }  // row 4: all far down
      let targets: [Int32] = [5, 1050, 1095, 1, 2]
      let result = Self.run(level, logits, targets, scale: 1, V: V)
      for r in [0, 1, 2, 4] {
        let row = doubles(Array(logits[r * V..<r * V + V]))
        let twin = logSoftmax(row, scale: 1)
        let target = Int(targets[r])
        expectClose([result.losses[r]], [-twin[target]], .float32, "row \(r)")
        let gradient = twin.indices.map {
          (exp(twin[$0]) - ($0 == target ? 1 : 0)) * Double(Self.weight)
        }
        expectClose(
          Array(result.gradient[r * V..<r * V + V]), gradient,
          Tolerance(relative: 5e-7, scale: 0.1),
          "row \(r)")
      }
      #expect(result.losses[3].isNaN)
      #expect(result.gradient[3 * V + 5].isNaN)
    }

    @Test(arguments: KernelLevel.available)
    func rowsOutsideTheRangeStay(level: KernelLevel) {
      let V = 48
      let logits = floats(3 * V, seed: 5)
      var out = logits
      var losses: [Float] = [7, 7, 7]
      level.use { ck_cross_entropy_f32(&out, [0, 1, 2], 1, 1, &losses, V, 1, 2) }
      #expect(losses[0] == 7 && losses[2] == 7 && losses[1] != 7)
      #expect(out[..<V] == logits[..<V] && out[(2 * V)...] == logits[(2 * V)...])
      #expect(out[V..<2 * V] != logits[V..<2 * V])
    }

    @Test(arguments: KernelLevel.available, oddSizes + [1500])
    func scoresAreLogProbabilities(level: KernelLevel, V: Int) {
      let logits = floats(4 * V, seed: V, magnitude: 8)
      let last = Array(logits[3 * V..<4 * V])
      let best = last.firstIndex(of: last.max() ?? 0) ?? 0
      let targets: [Int32] = [0, -1, Int32(V - 1), Int32(best)]
      var scores = [Float](repeating: 7, count: 4)
      var greedy = [UInt8](repeating: 7, count: 4)
      level.use { ck_score(logits, targets, 0.5, &scores, &greedy, V, 0, 4) }
      for (r, target) in targets.enumerated() {
        guard target >= 0 else {
          #expect(scores[r] == 0 && greedy[r] == 0)
          continue
        }
        let row = Array(logits[r * V..<r * V + V])
        expectClose([scores[r]], [logSoftmax(doubles(row), scale: 0.5)[Int(target)]])
        #expect(greedy[r] == (row.firstIndex(of: row.max() ?? 0) == Int(target) ? 1 : 0))
      }
    }

    @Test(arguments: KernelLevel.available)
    func theLowestOfEqualLogitsIsGreedy(level: KernelLevel) {
      let V = 40
      var row = [Float](repeating: -1, count: V)
      row[7] = 2
      row[29] = 2
      var scores = [Float](repeating: 0, count: 2)
      var greedy = [UInt8](repeating: 7, count: 2)
      level.use { ck_score(row + row, [7, 29], 1, &scores, &greedy, V, 0, 2) }
      #expect(greedy == [1, 0])
      #expect(scores[0] == scores[1])
    }
  }
}
