// SPDX-License-Identifier: Apache-2.0

/// The type of the elements of activations and of products' operands.
enum ElementType: Hashable {
  case float32, bfloat16

  var byteWidth: Int { self == .float32 ? 4 : 2 }
}

/// C[M, N] = A[M, K] · B[K, N] (+ bias[N]) (+ C), by shape and layout; what a matrix library has to
/// offer, and all that the engine asks of one.
struct MatrixProduct: Hashable {
  /// How an operand lies in memory: rows `stride` elements apart, or its transpose does.
  struct Operand: Hashable {
    var type: ElementType
    var stride: Int
    var isTransposed = false
  }

  var rows: Int
  var columns: Int
  var depth: Int
  var a: Operand
  var b: Operand
  /// The result; never transposed.
  var c: Operand
  var hasBias = false

  /// Whether all three matrices are float32.
  var isFloat32: Bool { a.type == .float32 && b.type == .float32 && c.type == .float32 }

  /// Floating-point operations.
  var operations: Double { 2 * Double(rows) * Double(columns) * Double(depth) }
}

/// Runs one ``MatrixProduct``, on any operands of its shape and layout.
protocol PreparedProduct: AnyObject {
  func run(
    _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ c: UnsafeMutableRawPointer,
    bias: UnsafePointer<Float>?) throws
}

/// A library of matrix products.
///
/// Preparing may take milliseconds; what is prepared is kept.
protocol MatrixLibrary: AnyObject {
  func prepare(_ product: MatrixProduct, accumulates: Bool) throws -> any PreparedProduct
}
