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
              biased ? bias : nil, Self.epsilon, D, 0, Self.rows)
            ck_norm_forward_f32(
              norm.rawValue, x, residual ? y : nil, &sum, &h, &mean, &rstd, gain,
              biased ? bias : nil, Self.epsilon, D, 0, Self.rows)
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
            norm.rawValue, base, y, base, &h, &mean, &rstd, gain, nil, Self.epsilon, D, 1, 2)
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
          norm.rawValue, x, nil, nil, &h, &mean, &rstd, [Float](repeating: 1, count: D), nil,
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
              gain, &dx, accumulate ? 1 : 0, &copy, &gainOut, &biasOut, &columns, D, 0, Self.rows)
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
              gain, &plain, accumulate ? 1 : 0, nil, &gainOut, nil, nil, D, 0, Self.rows)
          }
          #expect(plain == dx, "the same without the extras")
        }
      }
    }
  }
}
