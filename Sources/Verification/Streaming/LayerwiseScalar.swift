// SPDX-License-Identifier: Apache-2.0
import LinearAlgebra
import Tensors

/// The numbers that a layerwise pass computes with: float32 as models are used, float64 to prove them.
protocol LayerwiseScalar: RealElement {
  typealias Operand = MatrixArithmetic.Operand<Self>

  /// C[M, N] = A[M, K] · B[K, N] (+ C).
  static func multiply(
    _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Self>, stride: Int, rows: Int,
    columns: Int, depth: Int, accumulates: Bool, _ arithmetic: MatrixArithmetic) throws
}

extension Float: LayerwiseScalar {
  static func multiply(
    _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Float>, stride: Int, rows: Int,
    columns: Int, depth: Int, accumulates: Bool, _ arithmetic: MatrixArithmetic
  ) throws {
    try arithmetic.multiply(
      a, b, into: c, stride: stride, rows: rows, columns: columns, depth: depth,
      accumulates: accumulates)
  }
}

extension Double: LayerwiseScalar {
  static func multiply(
    _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Double>, stride: Int, rows: Int,
    columns: Int, depth: Int, accumulates: Bool, _ arithmetic: MatrixArithmetic
  ) throws {
    arithmetic.multiply(
      a, b, into: c, stride: stride, rows: rows, columns: columns, depth: depth,
      accumulates: accumulates)
  }
}
