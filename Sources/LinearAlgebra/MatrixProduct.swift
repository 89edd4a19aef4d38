// SPDX-License-Identifier: Apache-2.0

/// The type of the elements of products' operands.
package enum ElementType: Hashable, Sendable {
  case float32, bfloat16

  package var byteWidth: Int { self == .float32 ? 4 : 2 }
}

/// C[M, N] = A[M, K] · B[K, N] (+ bias[N]) (+ C), by shape and layout; what a matrix library has to
/// offer, and all that an engine asks of one.
package struct MatrixProduct: Hashable {
  /// How an operand lies in memory: rows `stride` elements apart, or its transpose does.
  package struct Operand: Hashable {
    package var type: ElementType
    package var stride: Int
    package var isTransposed: Bool

    package init(type: ElementType, stride: Int, isTransposed: Bool = false) {
      self.type = type
      self.stride = stride
      self.isTransposed = isTransposed
    }
  }

  package var rows: Int
  package var columns: Int
  package var depth: Int
  package var a: Operand
  package var b: Operand
  /// The result; never transposed.
  package var c: Operand
  package var hasBias: Bool

  package init(
    rows: Int, columns: Int, depth: Int, a: Operand, b: Operand, c: Operand, hasBias: Bool = false
  ) {
    self.rows = rows
    self.columns = columns
    self.depth = depth
    self.a = a
    self.b = b
    self.c = c
    self.hasBias = hasBias
  }

  /// Whether all three matrices are float32.
  package var isFloat32: Bool {
    a.type == .float32 && b.type == .float32 && c.type == .float32
  }

  /// Floating-point operations.
  package var operations: Double { 2 * Double(rows) * Double(columns) * Double(depth) }
}

/// Runs one ``MatrixProduct``, on any operands of its shape and layout.
package protocol PreparedProduct: AnyObject {
  func run(
    _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ c: UnsafeMutableRawPointer,
    bias: UnsafePointer<Float>?) throws
}

/// A library of matrix products.
///
/// Preparing may take milliseconds; what is prepared is kept.
package protocol MatrixLibrary: AnyObject {
  /// - Throws: ``LinearAlgebraError`` where the library fails.
  func prepare(_ product: MatrixProduct, accumulates: Bool) throws -> any PreparedProduct
}

/// The system's library of matrix products.
///
/// - Parameter widens: whether bfloat16 operands are widened whatever the library offers.
/// - Throws: ``LinearAlgebraError`` where the library fails.
package func makeMatrixLibrary(widens: Bool) throws -> any MatrixLibrary {
  #if canImport(CDNNL)
    try OneDNN(widens: widens)
  #else
    AccelerateProducts()
  #endif
}
