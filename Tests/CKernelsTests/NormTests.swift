// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors
import Testing

/// A norm of one row, in float64.
enum Norm: Int32, CaseIterable {
  case layer, rootMeanSquare

  /// (x − mean) · rstd, the mean and rstd.
  func normalized(
    _ x: [Double], epsilon: Double
  ) -> (values: [Double], mean: Double, rstd: Double) {
    let n = Double(x.count)
    let mean = self == .layer ? x.reduce(0, +) / n : 0
    let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n
    let rstd = 1 / (variance + epsilon).squareRoot()
    return (x.map { ($0 - mean) * rstd }, mean, rstd)
  }

  /// The gradient of Σ weights ⊙ normalized(x) by x.
  func gradient(_ x: [Double], weights: [Double], epsilon: Double) -> [Double] {
    x.indices.map { index in
      centralDifference(
        { value in
          var moved = x
          moved[index] = value
          return zip(normalized(moved, epsilon: epsilon).values, weights)
            .reduce(0) { $0 + $1.0 * $1.1 }
        }, at: x[index])
    }
  }
}

extension KernelTests {
  @Suite struct NormTests {
    static let epsilon: Float = 1e-5
    static let rows = 3

    @Test func constantsAreTheContracts() {
      #expect(CK_LAYER_NORM == Int(Norm.layer.rawValue))
      #expect(CK_RMS_NORM == Int(Norm.rootMeanSquare.rawValue))
    }

    @Test(arguments: Norm.allCases, oddSizes)
    func forwardFollowsFloat64(norm: Norm, D: Int) {
      // A mean of 3: the variance must not be a difference of large numbers.
      let x = floats(Self.rows * D, seed: D).map { $0 + 3 }
      let y = floats(Self.rows * D, seed: D + 1)
      let gain = floats(D, seed: D + 2)
      let bias = floats(D, seed: D + 3)
      let summed = zip(x, y).map(+)
      for level in KernelLevel.available {
        for (residual, biased) in [(true, true), (false, true), (true, false), (false, false)] {
          var sum = [Float](repeating: 7, count: x.count)
          var h = sum
          var half = [UInt16](repeating: 0, count: x.count)
          var mean = [Float](repeating: 7, count: Self.rows)
          var rstd = mean
          level.use {
            ck_norm_forward_bf16(
              norm.rawValue, x, residual ? y : nil, &sum, &half, &mean, &rstd, gain,
              0, biased ? bias : nil, Self.epsilon, D, 0, Self.rows)
            ck_norm_forward_f32(
              norm.rawValue, x, residual ? y : nil, &sum, &h, &mean, &rstd, gain,
              0, biased ? bias : nil, Self.epsilon, D, 0, Self.rows)
          }
          let input = residual ? summed : x
          #expect(sum == (residual ? summed : [Float](repeating: 7, count: x.count)))
          #expect(half == bits(h))
          for r in 0..<Self.rows {
            let row = r * D..<r * D + D
            let twin = norm.normalized(doubles(Array(input[row])), epsilon: Double(Self.epsilon))
            let expected = (0..<D).map {
              twin.values[$0] * Double(gain[$0]) + (biased ? Double(bias[$0]) : 0)
            }
            // What rounding the mean moves is multiplied by rstd.
            let scale = max(1, twin.rstd * 4)
            expectClose(
              Array(h[row]), expected, Tolerance(relative: 5e-7, scale: scale), "\(level)")
            expectClose(
              [rstd[r]], [twin.rstd], Tolerance(relative: D == 1 ? 1e-4 : 5e-7), "\(level) rstd")
            if norm == .layer { expectClose([mean[r]], [twin.mean], .float32, "\(level) mean") }
          }
          if norm == .rootMeanSquare { #expect(mean == [Float](repeating: 7, count: Self.rows)) }
        }
      }
    }

    @Test(arguments: KernelLevel.available, Norm.allCases)
    func theSumMayBeTheInput(level: KernelLevel, norm: Norm) {
      let D = 48
      let x = floats(Self.rows * D, seed: 1)
      let y = floats(Self.rows * D, seed: 2)
      let gain = floats(D, seed: 3)
      var stream = x
      var h = x
      var mean = [Float](repeating: 0, count: Self.rows)
      var rstd = mean
      level.use {
        stream.withUnsafeMutableBufferPointer { stream in
          guard let base = stream.baseAddress else { return }
          ck_norm_forward_f32(
            norm.rawValue, base, y, base, &h, &mean, &rstd, gain, 0, nil, Self.epsilon, D, 1, 2)
        }
      }
      var expected = x
      for i in D..<2 * D { expected[i] = x[i] + y[i] }
      #expect(stream == expected)
      #expect(h[..<D] == x[..<D] && h[(2 * D)...] == x[(2 * D)...])
    }

    @Test(arguments: KernelLevel.available, Norm.allCases)
    func largeValuesStayExact(level: KernelLevel, norm: Norm) {
      let D = 257
      let x = floats(D, seed: 9).map { 1e4 + $0 }
      var h = x
      var mean: Float = 0
      var rstd: Float = 0
      level.use {
        ck_norm_forward_f32(
          norm.rawValue, x, nil, nil, &h, &mean, &rstd, [Float](repeating: 1, count: D), 0, nil,
          Self.epsilon, D, 0, 1)
      }
      let twin = norm.normalized(doubles(x), epsilon: Double(Self.epsilon))
      // The mean is a float near 10⁴: half a unit in its last place is 5e-4.
      let tolerance = norm == .layer ? 2e-3 : 5e-7
      expectClose([rstd], [twin.rstd], Tolerance(relative: 1e-5))
      expectClose(h, twin.values, Tolerance(relative: tolerance))
    }

    @Test(arguments: Norm.allCases, oddSizes)
    func backwardIsTheDerivative(norm: Norm, D: Int) {
      let x = floats(Self.rows * D, seed: D, magnitude: 2)
      let dh = floats(Self.rows * D, seed: D + 1)
      let gain = floats(D, seed: D + 2)
      let start = floats(Self.rows * D, seed: D + 3)
      let twins = (0..<Self.rows).map {
        norm.normalized(doubles(Array(x[$0 * D..<$0 * D + D])), epsilon: Double(Self.epsilon))
      }
      let gradient = (0..<Self.rows).flatMap { r in
        norm.gradient(
          doubles(Array(x[r * D..<r * D + D])),
          weights: (0..<D).map { Double(dh[r * D + $0]) * Double(gain[$0]) },
          epsilon: Double(Self.epsilon))
      }
      let dgain = (0..<D).map { i in
        (0..<Self.rows).reduce(0.25) { $0 + Double(dh[$1 * D + i]) * twins[$1].values[i] }
      }
      let dbias = (0..<D).map { i in
        (0..<Self.rows).reduce(0.25) { $0 + Double(dh[$1 * D + i]) }
      }
      for level in KernelLevel.available {
        for accumulate in [false, true] {
          let expected =
            accumulate ? zip(gradient, start).map { $0 + Double($1) } : gradient
          var dx = start
          var copy = [UInt16](repeating: 0, count: x.count)
          var gainOut = [Float](repeating: 0.25, count: D)
          var biasOut = gainOut
          var columns = gainOut
          level.use {
            ck_norm_backward(
              norm.rawValue, x, dh, twins.map { Float($0.mean) }, twins.map { Float($0.rstd) },
              gain, 0, &dx, accumulate ? 1 : 0, &copy, &gainOut, &biasOut, &columns, D, 0,
              Self.rows)
          }
          let scale = twins.map(\.rstd).max() ?? 1
          let tolerance = Tolerance(relative: 1e-6, scale: max(1, scale))
          expectClose(dx, expected, tolerance, "\(level) dx")
          #expect(copy == bits(dx))
          expectClose(gainOut, dgain, tolerance, "\(level) dgain")
          expectClose(biasOut, dbias, tolerance, "\(level) dbias")
          expectClose(
            columns,
            (0..<D).map { i in (0..<Self.rows).reduce(0.25) { $0 + expected[$1 * D + i] } },
            tolerance, "\(level) column sums")

          var plain = start
          gainOut = [Float](repeating: 0.25, count: D)
          level.use {
            ck_norm_backward(
              norm.rawValue, x, dh, twins.map { Float($0.mean) }, twins.map { Float($0.rstd) },
              gain, 0, &plain, accumulate ? 1 : 0, nil, &gainOut, nil, nil, D, 0, Self.rows)
          }
          #expect(plain == dx, "the same without the extras")
        }
      }
    }

    @Test(
      "A gain kept less one, and none, give what the whole gain gives",
      arguments: KernelLevel.available, Norm.allCases)
    func gainsInOtherForms(level: KernelLevel, norm: Norm) {
      let D = 37
      let x = floats(Self.rows * D, seed: 4)
      let dh = floats(Self.rows * D, seed: 5)
      // Sixteenths, so that one more is exact.
      let kept = floats(D, seed: 6).map { ($0 * 16).rounded() / 16 }
      func run(_ gain: [Float]?, offset: Float) -> [[Float]] {
        var h = [Float](repeating: 0, count: x.count)
        var (dx, mean) = (h, [Float](repeating: 0, count: Self.rows))
        var rstd = mean
        var dgain = [Float](repeating: 0, count: D)
        level.use {
          ck_norm_forward_f32(
            norm.rawValue, x, nil, nil, &h, &mean, &rstd, gain, offset, nil, Self.epsilon, D, 0,
            Self.rows)
          if gain == nil {
            ck_norm_backward(
              norm.rawValue, x, dh, mean, rstd, nil, offset, &dx, 0, nil, nil, nil, nil, D, 0,
              Self.rows)
          } else {
            ck_norm_backward(
              norm.rawValue, x, dh, mean, rstd, gain, offset, &dx, 0, nil, &dgain, nil, nil, D, 0,
              Self.rows)
          }
        }
        return [h, dx, dgain]
      }
      #expect(run(kept, offset: 1) == run(kept.map { $0 + 1 }, offset: 0))
      let ones = run([Float](repeating: 1, count: D), offset: 0)
      #expect(Array(run(nil, offset: 0)[..<2]) == Array(ones[..<2]))
    }

    @Test("Each head by itself is a row by itself", arguments: KernelLevel.available, Norm.allCases)
    func heads(level: KernelLevel, norm: Norm) {
      for S in [3, 16, 37] {
        let (heads, ldx, ldh) = (3, 3 * S + 4, 3 * S + 1)
        let x = floats(Self.rows * ldx, seed: S)
        let dh = floats(Self.rows * ldh, seed: S + 1)
        let gain = floats(S, seed: S + 2)
        var shape = ck_head_norm(
          kind: norm.rawValue, heads: heads, head_size: S, ldx: ldx, ldh: ldh, gain_offset: 1,
          epsilon: Self.epsilon)
        var h = [Float](repeating: 7, count: Self.rows * ldh)
        var mean = [Float](repeating: 0, count: Self.rows * heads)
        var rstd = mean
        let start = floats(Self.rows * ldx, seed: S + 3)
        var (dx, added) = (start, start)
        var dgain = [Float](repeating: 0, count: S)
        var twice = dgain
        level.use {
          ck_head_norm_forward_f32(&shape, x, &h, &mean, &rstd, gain, 0, Self.rows)
          ck_head_norm_backward_f32(
            &shape, x, dh, mean, rstd, gain, &dx, ldx, 0, &dgain, 0, Self.rows)
          ck_head_norm_backward_f32(
            &shape, x, dh, mean, rstd, gain, &added, ldx, 1, &twice, 0, Self.rows)
        }
        var expectedGain = [Double](repeating: 0, count: S)
        for row in 0..<Self.rows {
          for head in 0..<heads {
            let (at, out) = (row * ldx + head * S, row * ldh + head * S)
            let values = doubles(Array(x[at..<at + S]))
            let twin = norm.normalized(values, epsilon: Double(Self.epsilon))
            let tolerance = Tolerance(relative: 2e-6, scale: max(1, twin.rstd))
            expectClose(
              Array(h[out..<out + S]), (0..<S).map { twin.values[$0] * (1 + Double(gain[$0])) },
              tolerance)
            let weights = (0..<S).map { Double(dh[out + $0]) * (1 + Double(gain[$0])) }
            let gradient = norm.gradient(values, weights: weights, epsilon: Double(Self.epsilon))
            expectClose(Array(dx[at..<at + S]), gradient, tolerance)
            expectClose(
              Array(added[at..<at + S]), (0..<S).map { gradient[$0] + Double(start[at + $0]) },
              tolerance)
            for i in 0..<S { expectedGain[i] += Double(dh[out + i]) * twin.values[i] }
          }
          // Columns that belong to no head stay.
          #expect(h[row * ldh + heads * S] == 7)
          #expect(dx[row * ldx + heads * S] == start[row * ldx + heads * S])
        }
        let scale = Double(rstd.max() ?? 1)
        expectClose(dgain, expectedGain, Tolerance(relative: 2e-6, scale: max(1, scale)))
        #expect(dgain == twice)
        // In bfloat16 the same, rounded.
        var h16 = [UInt16](repeating: 0, count: h.count)
        level.use {
          ck_head_norm_forward_bf16(&shape, bits(x), &h16, &mean, &rstd, gain, 0, Self.rows)
        }
        for row in 0..<Self.rows {
          for head in 0..<heads {
            let (at, out) = (row * ldx + head * S, row * ldh + head * S)
            let twin = norm.normalized(
              widened(Array(bits(x)[at..<at + S])).map { Double($0) },
              epsilon: Double(Self.epsilon))
            expectClose(
              widened(Array(h16[out..<out + S])),
              (0..<S).map { twin.values[$0] * (1 + Double(gain[$0])) }, .bfloat16)
          }
        }
      }
    }
  }
}
