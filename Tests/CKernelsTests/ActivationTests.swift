// SPDX-License-Identifier: Apache-2.0
import CKernels
import Foundation
import Testing

/// An activation function, in float64.
enum Activation: Int32, CaseIterable {
  case geluTanh, gelu, silu

  func callAsFunction(_ x: Double) -> Double {
    switch self {
    case .geluTanh: 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .gelu: 0.5 * x * erfc(-x / 2.0.squareRoot())
    case .silu: x / (1 + exp(-x))
    }
  }

  func slope(_ x: Double) -> Double { centralDifference({ self($0) }, at: x) }
}

extension KernelTests {
  @Suite struct ActivationTests {
    /// Dense where the functions bend, and the ends.
    static let arguments: [Float] =
      (-4000...4000).map { Float($0) / 400 } + [-1e4, 1e4, -100, 100, 0x1p-140, -0x1p-140, 0, -0.0]
      + floats(300, seed: 5, magnitude: 1e-3)

    @Test func constantsAreTheContracts() {
      #expect(CK_GELU_TANH == Int(Activation.geluTanh.rawValue))
      #expect(CK_GELU == Int(Activation.gelu.rawValue))
      #expect(CK_SILU == Int(Activation.silu.rawValue))
    }

    @Test(arguments: KernelLevel.available, Activation.allCases)
    func valuesFollowFloat64(level: KernelLevel, activation: Activation) {
      let x = Self.arguments
      var y = [Float](repeating: 0, count: x.count)
      level.use { ck_activation_forward_f32(activation.rawValue, x, &y, x.count) }
      expectClose(y, x.map { activation(Double($0)) }, Tolerance(relative: 3e-7, scale: 1))
      let small = zip(x, y).filter { abs($0.0) < 1e-3 && abs($0.0) > 1e-30 }
      expectClose(
        small.map(\.1), small.map { activation(Double($0.0)) },
        Tolerance(relative: 3e-7, scale: 0), "near 0")
    }

    @Test(arguments: KernelLevel.available, Activation.allCases)
    func bfloat16ValuesAreRoundedOnce(level: KernelLevel, activation: Activation) {
      let x = bits(Self.arguments)
      var y = [UInt16](repeating: 0, count: x.count)
      level.use { ck_activation_forward_bf16(activation.rawValue, x, &y, x.count) }
      expectClose(widened(y), widened(x).map { activation(Double($0)) }, .bfloat16)
    }

    @Test(arguments: KernelLevel.available, Activation.allCases)
    func infinitiesEndWhereTheFunctionDoes(level: KernelLevel, activation: Activation) {
      let x: [Float] = [.infinity, .nan, 3e38]
      var y = [Float](repeating: 0, count: 3)
      level.use { ck_activation_forward_f32(activation.rawValue, x, &y, 3) }
      #expect(y[0] == .infinity)
      #expect(y[1].isNaN)
      #expect(y[2] == 3e38)
    }

    @Test(arguments: Activation.allCases, oddSizes)
    func slopesAreTheValuesDerivative(activation: Activation, D: Int) {
      let rows = 3
      let x = floats(rows * D, seed: D, magnitude: 6)
      let dy = floats(rows * D, seed: D + 1)
      let expected = zip(x, dy).map { Double($1) * activation.slope(Double($0)) }
      for level in KernelLevel.available {
        var dx = dy
        var columnSum = [Float](repeating: 0.5, count: D)
        level.use {
          ck_activation_backward_f32(activation.rawValue, x, &dx, &columnSum, D, 1, rows)
        }
        expectClose(
          dx, doubles(Array(dy.prefix(D))) + expected.dropFirst(D), Tolerance(relative: 5e-7),
          "\(level)")
        let sums = (0..<D).map { 0.5 + expected[D + $0] + expected[2 * D + $0] }
        expectClose(columnSum, sums, Tolerance(relative: 1e-6), "\(level) column sums")
        level.use { ck_activation_backward_f32(activation.rawValue, x, &dx, nil, D, 0, 1) }
        expectClose(dx, expected, Tolerance(relative: 5e-7), "\(level)")
      }
    }

    @Test(arguments: Activation.allCases, oddSizes)
    func bfloat16SlopesAreRoundedOnce(activation: Activation, D: Int) {
      let x = bits(floats(2 * D, seed: D, magnitude: 6))
      let dy = bits(floats(2 * D, seed: D + 1))
      let expected = zip(widened(x), widened(dy)).map {
        Double($1) * activation.slope(Double($0))
      }
      for level in KernelLevel.available {
        var dx = dy
        var columnSum = [Float](repeating: 0, count: D)
        level.use {
          ck_activation_backward_bf16(activation.rawValue, x, &dx, &columnSum, D, 0, 2)
        }
        expectClose(widened(dx), expected, .bfloat16, "\(level)")
        // The sums are of the results before they are rounded.
        expectClose(
          columnSum, (0..<D).map { expected[$0] + expected[D + $0] }, Tolerance(relative: 1e-6),
          "\(level) column sums")
      }
    }

    @Test(arguments: Activation.allCases, oddSizes)
    func gatesMultiply(activation: Activation, D: Int) {
      let rows = 3
      let ld = 2 * D + 3
      let x = floats(rows * ld, seed: D, magnitude: 5)
      let dout = floats(rows * (D + 1), seed: D + 2)
      for level in KernelLevel.available {
        var out = [Float](repeating: 7, count: rows * (D + 1))
        var dx = [Float](repeating: 7, count: rows * ld)
        level.use {
          x.withUnsafeBufferPointer { x in
            guard let gate = x.baseAddress else { return }
            let up = gate + D
            ck_gated_forward_f32(
              activation.rawValue, gate, up, ld, &out, D + 1, D, 0, rows)
            dx.withUnsafeMutableBufferPointer { dx in
              guard let dgate = dx.baseAddress else { return }
              ck_gated_backward_f32(
                activation.rawValue, gate, up, ld, dout, D + 1, dgate, dgate + D, ld, D, 0, rows)
            }
          }
        }
        var expected = [Double](repeating: 7, count: out.count)
        var dexpected = [Double](repeating: 7, count: dx.count)
        for r in 0..<rows {
          for i in 0..<D {
            let g = Double(x[r * ld + i])
            let u = Double(x[r * ld + D + i])
            let d = Double(dout[r * (D + 1) + i])
            expected[r * (D + 1) + i] = activation(g) * u
            dexpected[r * ld + i] = d * u * activation.slope(g)
            dexpected[r * ld + D + i] = d * activation(g)
          }
        }
        expectClose(out, expected, Tolerance(relative: 5e-7, scale: 5), "\(level)")
        expectClose(dx, dexpected, Tolerance(relative: 5e-7, scale: 5), "\(level) backward")
      }
    }

    @Test(arguments: Activation.allCases, oddSizes)
    func bfloat16GatesMultiply(activation: Activation, D: Int) {
      let gate = bits(floats(D, seed: D, magnitude: 5))
      let up = bits(floats(D, seed: D + 1, magnitude: 2))
      let dout = bits(floats(D, seed: D + 2))
      let (g, u, d) = (doubles(widened(gate)), doubles(widened(up)), doubles(widened(dout)))
      for level in KernelLevel.available {
        var out = [UInt16](repeating: 0, count: D)
        var dgate = out
        var dup = out
        level.use {
          ck_gated_forward_bf16(activation.rawValue, gate, up, D, &out, D, D, 0, 1)
          ck_gated_backward_bf16(
            activation.rawValue, gate, up, D, dout, D, &dgate, &dup, D, D, 0, 1)
        }
        expectClose(widened(out), (0..<D).map { activation(g[$0]) * u[$0] }, .bfloat16)
        expectClose(
          widened(dgate), (0..<D).map { d[$0] * u[$0] * activation.slope(g[$0]) }, .bfloat16)
        expectClose(widened(dup), (0..<D).map { d[$0] * activation(g[$0]) }, .bfloat16)
      }
    }
  }
}
