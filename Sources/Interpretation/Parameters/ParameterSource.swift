// SPDX-License-Identifier: Apache-2.0
import Architectures
import LinearAlgebra

/// Where a program's parameters come from: memory, files, or a growth that makes them.
///
/// They are asked for piece by piece, when their operation's turn comes, and held no longer than it
/// computes with the piece; so a model takes no more memory than its largest piece, wherever it is.
package protocol ParameterSource<Scalar>: Sendable {
  associatedtype Scalar: InterpretedScalar

  /// Gives elements of a parameter, row-major, whole rows of it.
  ///
  /// - Parameter arithmetic: the threads to do it on.
  func read(
    _ parameter: Program.Parameter, _ elements: Range<Int>,
    into target: UnsafeMutablePointer<Scalar>, _ arithmetic: MatrixArithmetic) throws

  /// Learns that elements will be read soon.
  func announce(_ parameter: Program.Parameter, _ elements: Range<Int>) throws
}

extension ParameterSource {
  package func announce(_ parameter: Program.Parameter, _ elements: Range<Int>) throws {}
}

/// Parameters that lie in memory as they are computed with, each row-major.
package struct MemoryParameters<Scalar: InterpretedScalar>: ParameterSource {
  private let values: [[Scalar]]

  package init(_ values: [[Scalar]]) { self.values = values }

  package func read(
    _ parameter: Program.Parameter, _ elements: Range<Int>,
    into target: UnsafeMutablePointer<Scalar>, _ arithmetic: MatrixArithmetic
  ) throws {
    values[parameter][elements].withUnsafeBufferPointer { source in
      guard let base = source.baseAddress else { return }
      target.update(from: base, count: source.count)
    }
  }
}

/// Parameters that are made when they are asked for.
package struct MadeParameters<Scalar: InterpretedScalar>: ParameterSource {
  /// Makes elements of a parameter, whole rows of it, on the threads that are given.
  package typealias Maker =
    @Sendable (Program.Parameter, Range<Int>, UnsafeMutablePointer<Scalar>, MatrixArithmetic)
    throws -> Void

  private let make: Maker

  package init(_ make: @escaping Maker) { self.make = make }

  package func read(
    _ parameter: Program.Parameter, _ elements: Range<Int>,
    into target: UnsafeMutablePointer<Scalar>, _ arithmetic: MatrixArithmetic
  ) throws { try make(parameter, elements, target, arithmetic) }
}
