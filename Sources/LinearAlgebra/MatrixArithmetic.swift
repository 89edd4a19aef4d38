// SPDX-License-Identifier: Apache-2.0
import CKernels
import Foundation

/// Matrix products and threads, for computations that are no compiled program: one
/// operation at a time, on memory of the caller's.
///
/// Used from one thread at a time; a given number of threads always gives the same bits.
package final class MatrixArithmetic {
  private let library: any MatrixLibrary
  private let team: ThreadTeam
  /// Work below which waking threads costs more than they save, in operations of a plain loop.
  private static let smallWork = 1 << 15

  /// - Parameter threads: how many threads work; nil for all processors this process may use.
  /// - Throws: ``LinearAlgebraError`` where the library fails.
  package init(threads: Int?) throws {
    library = try makeMatrixLibrary(widens: false)
    team = ThreadTeam(count: max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount))
  }

  /// A matrix in memory: rows `stride` elements apart.
  package struct Operand<Scalar> {
    var base: UnsafePointer<Scalar>
    var stride: Int
    var isTransposed: Bool

    /// - Parameter isTransposed: whether the memory holds the transpose.
    package init(_ base: UnsafePointer<Scalar>, stride: Int, isTransposed: Bool = false) {
      self.base = base
      self.stride = stride
      self.isTransposed = isTransposed
    }

    fileprivate var layout: MatrixProduct.Operand {
      MatrixProduct.Operand(type: .float32, stride: stride, isTransposed: isTransposed)
    }
  }

  /// C[M, N] = A[M, K] · B[K, N] (+ C) in float32.
  ///
  /// - Throws: ``LinearAlgebraError`` where the library fails.
  package func multiply(
    _ a: Operand<Float>, _ b: Operand<Float>, into c: UnsafeMutablePointer<Float>, stride: Int,
    rows: Int, columns: Int, depth: Int, accumulates: Bool = false
  ) throws {
    guard rows > 0, columns > 0, depth > 0 else { return }
    team.adopt()
    let product = MatrixProduct(
      rows: rows, columns: columns, depth: depth, a: a.layout, b: b.layout,
      c: MatrixProduct.Operand(type: .float32, stride: stride))
    try library.prepare(product, accumulates: accumulates).run(a.base, b.base, c, bias: nil)
  }

  /// C[M, N] = A[M, K] · B[K, N] (+ C) in float64; A must not be transposed.
  package func multiply(
    _ a: Operand<Double>, _ b: Operand<Double>, into c: UnsafeMutablePointer<Double>, stride: Int,
    rows: Int, columns: Int, depth: Int, accumulates: Bool = false
  ) {
    precondition(!a.isTransposed, "the left factor lies transposed")
    split(columns, cost: rows * depth) { range in
      ck_product_f64(
        a.base, a.stride, b.base, b.stride, b.isTransposed ? 1 : 0, c, stride, rows, depth,
        accumulates ? 1 : 0, range.lowerBound, range.upperBound)
    }
  }

  /// Calls `body` with ranges that make up `0 ..< total`, on all threads, and waits for them.
  ///
  /// - Parameter cost: operations for each of the total; little work stays on this thread.
  package func split(_ total: Int, cost: Int, _ body: (Range<Int>) -> Void) {
    let (work, isMuch) = total.multipliedReportingOverflow(by: cost)
    if !isMuch && work < Self.smallWork {
      if total > 0 { body(0..<total) }
      return
    }
    team.split(total) { range, _ in body(range) }
  }
}
