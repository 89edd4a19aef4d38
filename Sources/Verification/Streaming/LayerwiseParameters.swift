// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Foundation
import Tensors
import Training

/// A model's parameters where they are, read piece by piece.
///
/// Pages of mapped files are handed back as soon as they are read, so that reading a model takes no
/// more memory than its largest piece.
struct LayerwiseParameters<Scalar: LayerwiseScalar>: Sendable {
  /// Makes elements of a parameter, whole rows of it, on the threads that are given.
  typealias Maker =
    @Sendable (Program.Parameter, Range<Int>, UnsafeMutablePointer<Scalar>, MatrixArithmetic)
    throws -> Void

  private let specs: [ParameterSpec]
  private let make: Maker
  private let announced: @Sendable (Program.Parameter, Range<Int>) throws -> Void

  /// The parameters of a directory's files.
  init(_ directory: ModelDirectory) {
    self.init(StoredParameters(directory))
  }

  /// Parameters in memory.
  init(_ state: ModelState, of program: Program) {
    self.init(StoredParameters(program) { try state.parameters[$0].value.view })
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

/// Parameters that lie in files or in memory.
struct StoredParameters: Sendable {
  let specs: [ParameterSpec]
  private let tensor: @Sendable (Program.Parameter) throws -> TensorView

  init(
    _ program: Program, _ tensor: @escaping @Sendable (Program.Parameter) throws -> TensorView
  ) {
    specs = program.parameters
    self.tensor = tensor
  }

  init(_ directory: ModelDirectory) {
    let (tensors, names) = (directory.tensors, directory.tensorNames)
    self.init(directory.program) { try tensors.tensor(named: names[$0]) }
  }

  func read<Scalar: LayerwiseScalar>(
    _ parameter: Program.Parameter, _ elements: Range<Int>,
    into target: UnsafeMutablePointer<Scalar>, _ arithmetic: MatrixArithmetic
  ) throws {
    let view = try checkedTensor(parameter)
    let width = view.dtype.byteWidth
    defer { withExtendedLifetime(view.owner) {} }
    let bytes = UnsafeRawBufferPointer(
      rebasing: view.bytes[elements.lowerBound * width..<elements.upperBound * width])
    arithmetic.split(elements.count, cost: 1) { range in
      let part = UnsafeRawBufferPointer(
        rebasing: bytes[range.lowerBound * width..<range.upperBound * width])
      Scalar.widen(part, view.dtype, into: target + range.lowerBound)
    }
    // All of the file's: the system maps neighbours along with what is read.
    if let file = view.owner as? MappedFile { MappedPages.release(file.bytes) }
  }

  func announce(_ parameter: Program.Parameter, _ elements: Range<Int>) throws {
    let view = try checkedTensor(parameter)
    guard view.owner is MappedFile, !elements.isEmpty else { return }
    let width = view.dtype.byteWidth
    MappedPages.announce(
      UnsafeRawBufferPointer(
        rebasing: view.bytes[elements.lowerBound * width..<elements.upperBound * width]))
  }

  private func checkedTensor(_ parameter: Program.Parameter) throws -> TensorView {
    let (view, spec) = (try tensor(parameter), specs[parameter])
    try VerificationError.check(
      view.shape.elementCount == spec.shape.elementCount, .mismatch, spec.name,
      "is \(view.shape), expected \(spec.shape)")
    try VerificationError.check(
      view.dtype.isFloatingPoint, .mismatch, spec.name,
      "holds \(view.dtype), which are no real numbers; no model can be computed with them")
    return view
  }
}

/// Advice about mapped pages; it changes no byte.
private enum MappedPages {
  static func release(_ bytes: UnsafeRawBufferPointer) { advise(bytes, MADV_DONTNEED) }

  static func announce(_ bytes: UnsafeRawBufferPointer) { advise(bytes, MADV_WILLNEED) }

  /// Whole pages around the bytes: the mapping begins and ends on a page's edge.
  private static func advise(_ bytes: UnsafeRawBufferPointer, _ advice: some BinaryInteger) {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
    let page = Int(getpagesize())
    let excess = Int(bitPattern: base) % page
    _ = madvise(
      UnsafeMutableRawPointer(mutating: base - excess), bytes.count + excess, Int32(advice))
  }
}
