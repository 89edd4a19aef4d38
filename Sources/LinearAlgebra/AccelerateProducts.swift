// SPDX-License-Identifier: Apache-2.0
#if canImport(Accelerate) && !canImport(CDNNL)
  import Accelerate

  /// Matrix products by Accelerate's BLAS, which knows float32 only.
  final class AccelerateProducts: MatrixLibrary {
    func prepare(_ product: MatrixProduct, accumulates: Bool) throws -> any PreparedProduct {
      if product.isFloat32 { return AccelerateProduct(product, accumulates: accumulates) }
      return WidenedProduct(product, accumulates: accumulates) {
        AccelerateProduct($0, accumulates: $1)
      }
    }
  }

  private final class AccelerateProduct: PreparedProduct {
    private let product: MatrixProduct
    private let accumulates: Bool

    init(_ product: MatrixProduct, accumulates: Bool) {
      self.product = product
      self.accumulates = accumulates
    }

    func run(
      _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ c: UnsafeMutableRawPointer,
      bias: UnsafePointer<Float>?
    ) throws {
      let p = product
      let result = c.assumingMemoryBound(to: Float.self)
      if let bias { add(bias, to: result) }
      cblas_sgemm(
        CblasRowMajor, p.a.isTransposed ? CblasTrans : CblasNoTrans,
        p.b.isTransposed ? CblasTrans : CblasNoTrans, Int32(p.rows), Int32(p.columns),
        Int32(p.depth), 1, a.assumingMemoryBound(to: Float.self), Int32(p.a.stride),
        b.assumingMemoryBound(to: Float.self), Int32(p.b.stride),
        accumulates || bias != nil ? 1 : 0, result, Int32(p.c.stride))
    }

    /// Starts each row with the bias, or adds it to what is there.
    private func add(_ bias: UnsafePointer<Float>, to result: UnsafeMutablePointer<Float>) {
      for row in 0..<product.rows {
        let target = result + row * product.c.stride
        guard accumulates else {
          target.update(from: bias, count: product.columns)
          continue
        }
        for column in 0..<product.columns { target[column] += bias[column] }
      }
    }
  }
#endif
