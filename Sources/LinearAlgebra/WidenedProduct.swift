// SPDX-License-Identifier: Apache-2.0
import CKernels

/// A product of bfloat16 operands by a library that knows float32 only, or on a processor for which
/// it knows no more.
///
/// The operands are widened, which is exact, and a bfloat16 result is rounded once at the end. It
/// serves correctness, not speed.
final class WidenedProduct: PreparedProduct {
  private let product: MatrixProduct
  private let accumulates: Bool
  private let prepared: any PreparedProduct
  private var a: [Float]
  private var b: [Float]
  private var c: [Float]

  /// - Parameter prepare: makes the product of the same shape with float32 operands.
  init(
    _ product: MatrixProduct, accumulates: Bool,
    prepare: (MatrixProduct, Bool) throws -> any PreparedProduct
  ) rethrows {
    self.product = product
    self.accumulates = accumulates
    var widened = product
    widened.a.type = .float32
    widened.b.type = .float32
    widened.c.type = .float32
    prepared = try prepare(widened, accumulates)
    a = Self.room(product.a, rows: product.rows, columns: product.depth)
    b = Self.room(product.b, rows: product.depth, columns: product.columns)
    c = Self.room(product.c, rows: product.rows, columns: product.columns)
  }

  func run(
    _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ c: UnsafeMutableRawPointer,
    bias: UnsafePointer<Float>?
  ) throws {
    let (left, right) = (Self.widened(a, into: &self.a), Self.widened(b, into: &self.b))
    let narrows = product.c.type == .bfloat16
    if narrows && accumulates { _ = Self.widened(c, into: &self.c) }
    try self.a.withUnsafeBytes { wideA in
      try self.b.withUnsafeBytes { wideB in
        try self.c.withUnsafeMutableBytes { wideC in
          guard let first = left ? wideA.baseAddress : a,
            let second = right ? wideB.baseAddress : b,
            let result = narrows ? wideC.baseAddress : c
          else { return }
          try prepared.run(first, second, result, bias: bias)
        }
      }
    }
    if narrows { store(c) }
  }

  /// Rows of the result, rounded; what lies between them is left alone.
  private func store(_ target: UnsafeMutableRawPointer) {
    let halves = target.assumingMemoryBound(to: ck_bf16.self)
    c.withUnsafeBufferPointer { wide in
      guard let base = wide.baseAddress else { return }
      for row in 0..<product.rows {
        let at = row * product.c.stride
        ck_cast_f32_bf16(base + at, halves + at, product.columns)
      }
    }
  }

  /// Widens a whole operand, gaps included; false where there is nothing to widen.
  private static func widened(_ source: UnsafeRawPointer, into target: inout [Float]) -> Bool {
    guard !target.isEmpty else { return false }
    target.withUnsafeMutableBufferPointer { wide in
      guard let base = wide.baseAddress else { return }
      ck_cast_bf16_f32(source.assumingMemoryBound(to: ck_bf16.self), base, wide.count)
    }
    return true
  }

  /// Room for a bfloat16 operand from its first element to its last; none for a float32 one.
  private static func room(_ operand: MatrixProduct.Operand, rows: Int, columns: Int) -> [Float] {
    guard operand.type == .bfloat16 else { return [] }
    let (lines, width) = operand.isTransposed ? (columns, rows) : (rows, columns)
    return [Float](repeating: 0, count: (lines - 1) * operand.stride + width)
  }
}
