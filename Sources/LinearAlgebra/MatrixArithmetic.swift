// SPDX-License-Identifier: Apache-2.0
import CKernels
import Foundation

/// Matrix products and threads, for computations that are no compiled program: one
/// operation at a time, on memory of the caller's.
///
/// Used from one thread at a time; a given number of threads always gives the same bits.
package final class MatrixArithmetic {
  /// Made for the first float32 product, since float64 asks no library.
  private var library: (any MatrixLibrary)?
  private let team: ThreadTeam
  /// Work below which waking threads costs more than they save, in operations of a plain loop.
  private static let smallWork = 1 << 15

  /// - Parameter threads: how many threads work; nil for all processors this process may use.
  package init(threads: Int?) {
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
    let library = try self.library ?? makeMatrixLibrary(widens: false)
    self.library = library
    let product = MatrixProduct(
      rows: rows, columns: columns, depth: depth, a: a.layout, b: b.layout,
      c: MatrixProduct.Operand(type: .float32, stride: stride))
    try library.prepare(product, accumulates: accumulates).run(a.base, b.base, c, bias: nil)
  }

  /// C[M, N] = A[M, K] · B[K, N] (+ C) in float64; only one of A and B may be transposed.
  package func multiply(
    _ a: Operand<Double>, _ b: Operand<Double>, into c: UnsafeMutablePointer<Double>, stride: Int,
    rows: Int, columns: Int, depth: Int, accumulates: Bool = false
  ) {
    precondition(!a.isTransposed || !b.isTransposed, "both factors lie transposed")
    let (row, step) = a.isTransposed ? (1, a.stride) : (a.stride, 1)
    split(columns, cost: rows * depth) { range in
      ck_product_f64(
        a.base, row, step, b.base, b.stride, b.isTransposed ? 1 : 0, c, stride, rows, depth,
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
