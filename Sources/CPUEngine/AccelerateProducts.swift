// SPDX-License-Identifier: Apache-2.0
#if canImport(Accelerate) && !canImport(CDNNL)
  import Accelerate
  import CKernels

  /// Matrix products by Accelerate's BLAS.
  ///
  /// It knows float32 only: bfloat16 operands are widened first.
  final class AccelerateProducts: MatrixLibrary {
    func prepare(_ product: MatrixProduct, accumulates: Bool) throws -> any PreparedProduct {
      AccelerateProduct(product, accumulates: accumulates)
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
      let left = Widened(a, p.a, rows: p.rows, columns: p.depth)
      let right = Widened(b, p.b, rows: p.depth, columns: p.columns)
      let result = Result(c, p)
      if let bias { result.fill(bias) }
      cblas_sgemm(
        CblasRowMajor, p.a.isTransposed ? CblasTrans : CblasNoTrans,
        p.b.isTransposed ? CblasTrans : CblasNoTrans, Int32(p.rows), Int32(p.columns),
        Int32(p.depth), 1, left.floats, Int32(p.a.stride), right.floats, Int32(p.b.stride),
        accumulates || bias != nil ? 1 : 0, result.floats, Int32(p.c.stride))
      result.store()
    }
  }

  /// An operand as float32.
  private final class Widened {
    let floats: UnsafePointer<Float>
    private var owned: UnsafeMutablePointer<Float>?

    init(
      _ pointer: UnsafeRawPointer, _ operand: MatrixProduct.Operand, rows: Int, columns: Int
    ) {
      guard operand.type == .bfloat16 else {
        floats = pointer.assumingMemoryBound(to: Float.self)
        return
      }
      let (lines, width) = operand.isTransposed ? (columns, rows) : (rows, columns)
      let count = (lines - 1) * operand.stride + width
      let made = UnsafeMutablePointer<Float>.allocate(capacity: count)
      ck_cast_bf16_f32(pointer.assumingMemoryBound(to: ck_bf16.self), made, count)
      owned = made
      floats = UnsafePointer(made)
    }

    deinit { owned?.deallocate() }
  }

  /// The result, in float32 until it is stored.
  private final class Result {
    let floats: UnsafeMutablePointer<Float>
    private let target: UnsafeMutableRawPointer
    private let product: MatrixProduct
    private let owns: Bool

    init(_ target: UnsafeMutableRawPointer, _ product: MatrixProduct) {
      self.target = target
      self.product = product
      owns = product.c.type == .bfloat16
      floats =
        owns
        ? .allocate(capacity: product.rows * product.c.stride)
        : target.assumingMemoryBound(to: Float.self)
    }

    deinit { if owns { floats.deallocate() } }

    func fill(_ bias: UnsafePointer<Float>) {
      for row in 0..<product.rows {
        (floats + row * product.c.stride).update(from: bias, count: product.columns)
      }
    }

    func store() {
      guard owns else { return }
      let halves = target.assumingMemoryBound(to: ck_bf16.self)
      for row in 0..<product.rows {
        ck_cast_f32_bf16(
          floats + row * product.c.stride, halves + row * product.c.stride, product.columns)
      }
    }
  }
#endif
