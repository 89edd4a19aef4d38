// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Foundation
import Tensors
import Training

/// A model's parameters where they are, read piece by piece as float32.
///
/// Pages of mapped files are handed back as soon as they are read, so that reading a model takes no
/// more memory than its largest piece.
struct LayerwiseParameters: Sendable {
  private let specs: [ParameterSpec]
  private let tensor: @Sendable (Program.Parameter) throws -> TensorView

  /// The parameters of a directory's files.
  init(_ directory: ModelDirectory) {
    specs = directory.program.parameters
    tensor = { try directory.tensors.tensor(named: directory.tensorNames[$0]) }
  }

  /// Parameters in memory.
  init(_ state: ModelState, of program: Program) {
    specs = program.parameters
    tensor = { try state.parameters[$0].value.view }
  }

  /// Reads elements of a parameter, row-major, as float32.
  ///
  /// - Throws: ``VerificationError`` for a tensor of another shape, or of no real numbers; the errors of
  ///   Checkpoints.
  func read(
    _ parameter: Program.Parameter, _ elements: Range<Int>,
    into target: UnsafeMutablePointer<Float>, _ arithmetic: MatrixArithmetic
  ) throws {
    let view = try checkedTensor(parameter)
    let width = view.dtype.byteWidth
    defer { withExtendedLifetime(view.owner) {} }
    let bytes = UnsafeRawBufferPointer(
      rebasing: view.bytes[elements.lowerBound * width..<elements.upperBound * width])
    arithmetic.split(elements.count, cost: 1) { range in
      let part = UnsafeRawBufferPointer(
        rebasing: bytes[range.lowerBound * width..<range.upperBound * width])
      view.dtype.widen(part, into: target + range.lowerBound)
    }
    if view.owner is MappedFile { MappedPages.release(bytes) }
  }

  /// All elements of a small parameter.
  func vector(
    _ parameter: Program.Parameter, _ arithmetic: MatrixArithmetic
  ) throws -> [Float] {
    let count = specs[parameter].shape.elementCount
    var result = [Float](repeating: 0, count: count)
    try result.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      try read(parameter, 0..<count, into: base, arithmetic)
    }
    return result
  }

  /// Tells the system that elements will be read soon.
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

extension DType {
  /// Widens real numbers of this type, not necessarily aligned, to float32; float64 is rounded.
  fileprivate func widen(
    _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutablePointer<Float>
  ) {
    let count = bytes.count / byteWidth
    switch self {
    case .float32:
      UnsafeMutableRawBufferPointer(start: target, count: bytes.count).copyMemory(from: bytes)
    case .bfloat16:
      for index in 0..<count {
        let bits = bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
        target[index] = Float(bitPattern: UInt32(bits) << 16)
      }
    case .float16:
      for index in 0..<count {
        target[index] = Float16Bits.float(
          bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
      }
    case .float64:
      for index in 0..<count {
        target[index] = Float(bytes.loadUnaligned(fromByteOffset: 8 * index, as: Double.self))
      }
    case .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8, .bool: break
    }
  }
}
