// SPDX-License-Identifier: Apache-2.0
import LinearAlgebra
import Training

/// A product whose number of rows, or of the rows that are summed, is known only when it runs: what it needs
/// for each number is kept.
///
/// Numbers of rows are rounded (`ck_rounded_rows`), so that few of them occur.
final class ExpertProduct {
  private let library: any MatrixLibrary
  private let product: (_ rows: Int) -> MatrixProduct
  private var prepared: [Key: any PreparedProduct] = [:]

  private struct Key: Hashable {
    var rows: Int
    var accumulates: Bool
  }

  /// - Parameter product: the product for a number of rows.
  init(_ library: any MatrixLibrary, _ product: @escaping (_ rows: Int) -> MatrixProduct) {
    self.library = library
    self.product = product
  }

  /// What it has to do for the rows of some experts, taken as equally many.
  func work(rows: Int, experts: Int) -> Profiler.Work {
    Profiler.Work(
      floatingPointOperations: product(rows).operations,
      bytes: product(rows / max(1, experts)).work.bytes * Double(experts))
  }

  func run(
    rows: Int, accumulates: Bool = false, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer,
    _ c: UnsafeMutableRawPointer
  ) throws {
    let key = Key(rows: rows, accumulates: accumulates)
    let known = try prepared[key] ?? library.prepare(product(rows), accumulates: accumulates)
    prepared[key] = known
    try known.run(a, b, c, bias: nil)
  }
}
