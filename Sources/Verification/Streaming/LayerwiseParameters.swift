// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import LinearAlgebra
import Tensors
import Training

/// A model's parameters where they are, read piece by piece.
///
/// Files are read by calls, into memory that lives no longer than the piece, so that reading a model
/// takes no more memory than its largest piece.
struct LayerwiseParameters<Scalar: LayerwiseScalar>: Sendable {
  /// Makes elements of a parameter, whole rows of it, on the threads that are given.
  typealias Maker =
    @Sendable (Program.Parameter, Range<Int>, UnsafeMutablePointer<Scalar>, MatrixArithmetic)
    throws -> Void

  private let specs: [ParameterSpec]
  private let make: Maker
  private let announced: @Sendable (Program.Parameter, Range<Int>) throws -> Void

  /// The parameters of a directory's files.
  init(_ directory: ModelDirectory) throws {
    self.init(try StoredParameters(directory))
  }

  /// Parameters in memory.
  init(_ state: ModelState, of program: Program) {
    self.init(StoredParameters(program) { .memory(try state.parameters[$0].value.view) })
  }

  private init(_ stored: StoredParameters) {
    specs = stored.specs
    make = { try stored.read($0, $1, into: $2, $3) }
    announced = { try stored.announce($0, $1) }
  }

  /// Parameters that are made when they are asked for.
  init(_ program: Program, makingBy make: @escaping Maker) {
    specs = program.parameters
    self.make = make
    announced = { _, _ in }
  }

  /// Reads elements of a parameter, row-major.
  ///
  /// - Throws: ``VerificationError`` for a tensor of another shape, or of no real numbers; the errors of
  ///   Checkpoints.
  func read(
    _ parameter: Program.Parameter, _ elements: Range<Int>,
    into target: UnsafeMutablePointer<Scalar>, _ arithmetic: MatrixArithmetic
  ) throws {
    try make(parameter, elements, target, arithmetic)
  }

  /// All elements of a small parameter.
  func vector(
    _ parameter: Program.Parameter, _ arithmetic: MatrixArithmetic
  ) throws -> [Scalar] {
    let count = specs[parameter].shape.elementCount
    var result = [Scalar](repeating: 0, count: count)
    try result.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      try read(parameter, 0..<count, into: base, arithmetic)
    }
    return result
  }

  /// Tells the system that elements will be read soon.
  func announce(_ parameter: Program.Parameter, _ elements: Range<Int>) throws {
    try announced(parameter, elements)
  }
}
