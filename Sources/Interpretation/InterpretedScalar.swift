// SPDX-License-Identifier: Apache-2.0
import LinearAlgebra
import Tensors

/// The numbers that an interpreter computes with: float32 as models are used, float64 to prove them.
package protocol InterpretedScalar: RealElement {
  typealias Operand = MatrixArithmetic.Operand<Self>

  /// C[M, N] = A[M, K] · B[K, N] (+ C).
  static func multiply(
    _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Self>, stride: Int, rows: Int,
    columns: Int, depth: Int, accumulates: Bool, _ arithmetic: MatrixArithmetic) throws

  /// y += x.
  static func add(_ x: UnsafePointer<Self>, to y: UnsafeMutablePointer<Self>, _ count: Int)

  /// y = y ⊙ x.
  static func multiply(_ y: UnsafeMutablePointer<Self>, by x: UnsafePointer<Self>, _ count: Int)

  /// Calls `body` with elements in float64.
  static func withDoubles(
    reading elements: UnsafePointer<Self>, _ count: Int, _ body: (UnsafePointer<Double>) -> Void)

  /// Calls `body` with elements in float64, and takes over what it leaves there, rounded.
  static func withDoubles(
    _ elements: UnsafeMutablePointer<Self>, _ count: Int,
    _ body: (UnsafeMutablePointer<Double>) -> Void)
}

extension Float: InterpretedScalar {
  package static func multiply(
    _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Float>, stride: Int, rows: Int,
    columns: Int, depth: Int, accumulates: Bool, _ arithmetic: MatrixArithmetic
  ) throws {
    try arithmetic.multiply(
      a, b, into: c, stride: stride, rows: rows, columns: columns, depth: depth,
      accumulates: accumulates)
  }

  package static func add(
    _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    for index in 0..<count { y[index] += x[index] }
  }

  package static func multiply(
    _ y: UnsafeMutablePointer<Float>, by x: UnsafePointer<Float>, _ count: Int
  ) {
    for index in 0..<count { y[index] *= x[index] }
  }

  package static func withDoubles(
    reading elements: UnsafePointer<Float>, _ count: Int, _ body: (UnsafePointer<Double>) -> Void
  ) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, count)) { room in
      guard let base = room.baseAddress else { return }
      for index in 0..<count { base[index] = Double(elements[index]) }
      body(base)
    }
  }

  package static func withDoubles(
    _ elements: UnsafeMutablePointer<Float>, _ count: Int,
    _ body: (UnsafeMutablePointer<Double>) -> Void
  ) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, count)) { room in
      guard let base = room.baseAddress else { return }
      for index in 0..<count { base[index] = Double(elements[index]) }
      body(base)
      for index in 0..<count { elements[index] = Float(base[index]) }
    }
  }
}

extension Double: InterpretedScalar {
  package static func multiply(
    _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Double>, stride: Int, rows: Int,
    columns: Int, depth: Int, accumulates: Bool, _ arithmetic: MatrixArithmetic
  ) throws {
    arithmetic.multiply(
      a, b, into: c, stride: stride, rows: rows, columns: columns, depth: depth,
      accumulates: accumulates)
  }

  package static func add(
    _ x: UnsafePointer<Double>, to y: UnsafeMutablePointer<Double>, _ count: Int
  ) {
    for index in 0..<count { y[index] += x[index] }
  }

  package static func multiply(
    _ y: UnsafeMutablePointer<Double>, by x: UnsafePointer<Double>, _ count: Int
  ) {
    for index in 0..<count { y[index] *= x[index] }
  }

  package static func withDoubles(
    reading elements: UnsafePointer<Double>, _ count: Int, _ body: (UnsafePointer<Double>) -> Void
  ) { body(elements) }

  package static func withDoubles(
    _ elements: UnsafeMutablePointer<Double>, _ count: Int,
    _ body: (UnsafeMutablePointer<Double>) -> Void
  ) { body(elements) }
}
