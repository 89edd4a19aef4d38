// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

extension KernelTests {
  @Suite struct ExactProductTests {
    /// Columns `begin ..< end` of the product by plain loops, added to c or in its place.
    static func expected(
      _ a: [Double], _ b: [Double], _ c: [Double], _ sizes: (m: Int, n: Int, k: Int),
      transposed: (a: Bool, b: Bool), accumulates: Bool, columns: Range<Int>
    ) -> [Double] {
      var result = c
      for i in 0..<sizes.m {
        for j in columns {
          let sum = (0..<sizes.k).reduce(0.0) { sum, k in
            sum + a[transposed.a ? k * sizes.m + i : i * sizes.k + k]
              * b[transposed.b ? j * sizes.k + k : k * sizes.n + j]
          }
          result[i * sizes.n + j] = accumulates ? c[i * sizes.n + j] + sum : sum
        }
      }
      return result
    }

    @Test(
      arguments: KernelLevel.available,
      [(1, 1, 1), (3, 5, 7), (4, 32, 16), (5, 33, 17), (9, 70, 100), (8, 49, 0)])
    func productsAreThoseOfPlainLoops(level: KernelLevel, sizes: (Int, Int, Int)) {
      let (m, n, k) = sizes
      let a = doubles(floats(m * k, seed: 1))
      let b = doubles(floats(n * k, seed: 2))
      let c = doubles(floats(m * n, seed: 3))
      for transposed in [(a: false, b: false), (a: false, b: true), (a: true, b: false)] {
        for accumulates in [false, true] {
          for columns in [0..<n, n / 3..<n - n / 4] {
            var found = c
            level.use {
              ck_product_f64(
                a, transposed.a ? 1 : k, transposed.a ? m : 1, b, transposed.b ? k : n,
                transposed.b ? 1 : 0, &found, n, m, k, accumulates ? 1 : 0, columns.lowerBound,
                columns.upperBound)
            }
            let expected = Self.expected(
              a, b, c, (m, n, k), transposed: transposed, accumulates: accumulates,
              columns: columns)
            for (x, y) in zip(found, expected) {
              #expect(abs(x - y) <= 1e-13 * (1 + abs(y)), "\(sizes), transposed \(transposed)")
            }
          }
        }
      }
    }
  }
}
