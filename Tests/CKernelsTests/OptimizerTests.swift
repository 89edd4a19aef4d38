// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors
import Testing

extension KernelTests {
  @Suite struct OptimizerTests {
    @Test(arguments: KernelLevel.available, oddSizes)
    func columnsAddUp(level: KernelLevel, D: Int) {
      let ld = D + 3
      for R in [1, 3, 4, 5, 11] {
        let x = floats(R * ld, seed: D)
        let half = bits(x)
        let start = floats(D, seed: D + 1)
        var out = start
        var halfOut = start
        let split = D / 3
        level.use {
          ck_column_sum_f32(x, ld, &out, R, split, D)
          ck_column_sum_f32(x, ld, &out, R, 0, split)
          ck_column_sum_bf16(half, ld, &halfOut, R, 0, D)
        }
        func sums(_ x: [Float]) -> [Double] {
          (0..<D).map { i in (0..<R).reduce(Double(start[i])) { $0 + Double(x[$1 * ld + i]) } }
        }
        expectClose(out, sums(x), Tolerance(relative: 1e-6), "\(R) rows")
        expectClose(halfOut, sums(widened(half)), Tolerance(relative: 1e-6), "\(R) rows, bf16")
      }
    }

    @Test(arguments: KernelLevel.available, oddSizes + [4095, 4096, 4097, 100_003])
    func squaresAddUp(level: KernelLevel, n: Int) {
      let x = floats(n, seed: n, magnitude: 3)
      let expected = x.reduce(0.0) { $0 + Double($1) * Double($1) }
      let actual = level.use { ck_squared_norm(x, n) }
      #expect(abs(actual - expected) <= 3e-7 * expected)
    }

    @Test(arguments: KernelLevel.available)
    func aSumOfManyBlocksNeedsFloat64(level: KernelLevel) {
      // 2²⁴ + 1 is no float: a float32 total would lose the last block.
      var x = [Float](repeating: 64, count: 4096)
      x.append(1)
      #expect(level.use { ck_squared_norm(x, x.count) } == 0x1p24 + 1)
      #expect(level.use { ck_squared_norm([], 0) } == 0)
    }

    static let update = ck_adamw(
      beta1: 0.9, one_minus_beta1: 0.1, beta2: 0.95, one_minus_beta2: 0.05, epsilon: 1e-8,
      one_minus_decay: 1 - 3e-4 * 0.1, step_size: 3e-4 / 0.19, inverse_root_correction: 3.2025631,
      gradient_scale: 0.5)

    @Test(arguments: KernelLevel.available, oddSizes)
    func threeUpdatesFollowFloat64(level: KernelLevel, n: Int) {
      var update = Self.update
      let start = floats(n, seed: n)
      var parameter = start + [7]
      var first = [Float](repeating: 0, count: n) + [7]
      var second = first
      var copy = [UInt16](repeating: 0xABCD, count: n + 1)
      var p = doubles(start)
      var m = [Double](repeating: 0, count: n)
      var v = m
      for step in 0..<3 {
        let gradient = floats(n, seed: n + 1 + step, magnitude: 0.1)
        level.use {
          ck_adamw_update(&update, &parameter, gradient, &first, &second, &copy, n)
        }
        for i in 0..<n {
          let g = Double(gradient[i]) * Double(update.gradient_scale)
          m[i] += (g - m[i]) * Double(update.one_minus_beta1)
          v[i] = v[i] * Double(update.beta2) + g * g * Double(update.one_minus_beta2)
          let denominator =
            v[i].squareRoot() * Double(update.inverse_root_correction) + Double(update.epsilon)
          p[i] =
            p[i] * Double(update.one_minus_decay) - Double(update.step_size) * m[i] / denominator
        }
      }
      expectClose(parameter, p + [7], Tolerance(relative: 2e-7))
      expectClose(first, m + [7], Tolerance(relative: 3e-7, scale: 0.01))
      expectClose(second, v + [7], Tolerance(relative: 5e-7, scale: 0))
      #expect(copy == bits(Array(parameter.prefix(n))) + [0xABCD])
    }

    @Test(arguments: KernelLevel.available)
    func noCopyAndZeroGradientsWork(level: KernelLevel) {
      var update = Self.update
      var parameter: [Float] = [1, -2, 0]
      var first: [Float] = [0, 0, 0]
      var second: [Float] = [0, 0, 0]
      level.use {
        ck_adamw_update(&update, &parameter, [0, 0, 0], &first, &second, nil, 3)
      }
      #expect(parameter == [update.one_minus_decay, -2 * update.one_minus_decay, 0])
      #expect(first == [0, 0, 0] && second == [0, 0, 0])
    }

    /// Lanes without a gradient stand beside lanes with one, in whole vectors and in the rest.
    @Test(arguments: KernelLevel.available, [3, 16, 37])
    func withoutEpsilonWhatNeverHadAGradientMakesNoStep(level: KernelLevel, n: Int) {
      var update = Self.update
      update.epsilon = 0
      let gradient = (0..<n).map { Float($0 % 3) * 0.5 }
      var parameter = [Float](repeating: 2, count: n)
      var first = [Float](repeating: 0, count: n)
      var second = first
      var copy = [UInt16](repeating: 0, count: n)
      level.use { ck_adamw_update(&update, &parameter, gradient, &first, &second, &copy, n) }
      for i in 0..<n {
        let decayed = 2 * update.one_minus_decay
        if gradient[i] == 0 {
          #expect(parameter[i] == decayed)
        } else {
          #expect(parameter[i] < decayed && parameter[i].isFinite)
        }
      }
      #expect(copy == bits(parameter))
    }

    @Test(
      "a gradient whose square is below float32 makes no infinite step either",
      arguments: KernelLevel.available)
    func underflow(level: KernelLevel) {
      var update = Self.update
      update.epsilon = 0
      var parameter: [Float] = [1, 1]
      var (first, second): ([Float], [Float]) = ([0, 0], [0, 0])
      level.use { ck_adamw_update(&update, &parameter, [1e-30, 0], &first, &second, nil, 2) }
      #expect(parameter == [update.one_minus_decay, update.one_minus_decay])
      #expect(first[0] > 0)
    }
  }
}
