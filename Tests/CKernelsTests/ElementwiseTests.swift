// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors
import Testing

extension KernelTests {
  @Suite struct ElementwiseTests {
    /// Every bfloat16 with what lies just above it, at and around the tie, and just below the next.
    static let roundingCases: [Float] = (0...UInt32(UInt16.max)).flatMap { upper in
      [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF].map { Float(bitPattern: upper << 16 | $0) }
    }

    @Test(arguments: KernelLevel.available)
    func roundingIsToNearestAndTiesToEven(level: KernelLevel) {
      let x = Self.roundingCases
      var y = [UInt16](repeating: 0, count: x.count)
      level.use { ck_cast_f32_bf16(x, &y, x.count) }
      var wrong = 0
      for (value, actual) in zip(x, y) {
        var expected = BFloat16(value).bitPattern
        let flushes = level.level >= CK_LEVEL_AVX512CAST
        if flushes && abs(value) < .leastNormalMagnitude { expected &= 0x8000 }
        if value.isNaN {
          wrong += Float(BFloat16(bitPattern: actual)).isNaN ? 0 : 1
        } else {
          wrong += actual == expected ? 0 : 1
        }
      }
      #expect(wrong == 0)
    }

    @Test(arguments: KernelLevel.available)
    func everyBFloat16Widens(level: KernelLevel) {
      let x = (0...UInt16.max).map { $0 }
      var y = [Float](repeating: 0, count: x.count)
      level.use { ck_cast_bf16_f32(x, &y, x.count) }
      #expect(y.map(\.bitPattern) == x.map { UInt32($0) << 16 })
    }

    @Test(arguments: KernelLevel.available, oddSizes)
    func conversionsKeepToTheirRange(level: KernelLevel, n: Int) {
      let x = floats(n, seed: n)
      var y = [UInt16](repeating: 0xABCD, count: n + 20)
      var z = [Float](repeating: 7, count: n + 20)
      level.use {
        ck_cast_f32_bf16(x, &y, n)
        ck_cast_bf16_f32(y, &z, n)
      }
      #expect(y == bits(x) + [UInt16](repeating: 0xABCD, count: 20))
      #expect(z == widened(bits(x)) + [Float](repeating: 7, count: 20))
    }

    @Test(arguments: KernelLevel.available, oddSizes)
    func sumsAndProductsAreExactlyRounded(level: KernelLevel, n: Int) {
      let a = floats(n, seed: n)
      let b = floats(n, seed: n + 1, magnitude: 1e4)
      let guardZone = [Float](repeating: 7, count: 20)
      var sum = [Float](repeating: 7, count: n + 20)
      var product = sum
      level.use {
        ck_add_f32(a, b, &sum, n)
        ck_multiply_f32(a, b, &product, n)
      }
      #expect(sum == zip(a, b).map(+) + guardZone)
      #expect(product == zip(a, b).map(*) + guardZone)
    }

    @Test(arguments: KernelLevel.available, oddSizes)
    func bfloat16SumsAndProductsAreExactlyRounded(level: KernelLevel, n: Int) {
      let a = bits(floats(n, seed: n))
      let b = bits(floats(n, seed: n + 1, magnitude: 30))
      let guardZone = [UInt16](repeating: 0xABCD, count: 20)
      var sum = [UInt16](repeating: 0xABCD, count: n + 20)
      var product = sum
      level.use {
        ck_add_bf16(a, b, &sum, n)
        ck_multiply_bf16(a, b, &product, n)
      }
      #expect(sum == bits(zip(widened(a), widened(b)).map(+)) + guardZone)
      #expect(product == bits(zip(widened(a), widened(b)).map(*)) + guardZone)
    }
  }
}
