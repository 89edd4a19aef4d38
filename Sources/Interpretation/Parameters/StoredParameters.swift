// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import LinearAlgebra
import Synchronization
import Tensors
import Training

/// Parameters that lie in files, or in memory as files hold them.
///
/// Files are read by calls, into memory that lives no longer than the piece.
package struct StoredParameters<Scalar: InterpretedScalar>: ParameterSource {
  /// Where the elements of a parameter are.
  package enum Place: Sendable {
    case memory(TensorView)
    case file(RandomAccessFile, TensorLocation)
  }

  package let specs: [ParameterSpec]
  private let place: @Sendable (Program.Parameter) throws -> Place

  package init(_ program: Program, _ place: @escaping @Sendable (Program.Parameter) throws -> Place)
  {
    specs = program.parameters
    self.place = place
  }

  /// The parameters of a directory's files.
  ///
  /// - Throws: the errors of Checkpoints.
  package init(_ directory: ModelDirectory) throws {
    var files: [URL: RandomAccessFile] = [:]
    var places: [Place] = []
    for name in directory.tensorNames {
      guard let location = directory.tensors.location(of: name) else {
        // Only for its error, which names what is missing.
        places.append(.memory(try directory.tensors.tensor(named: name)))
        continue
      }
      let file = try files[location.file] ?? RandomAccessFile(location.file)
      files[location.file] = file
      places.append(.file(file, location))
    }
    self.init(directory.program) { [places] in places[$0] }
  }

  /// - Throws: ``InterpretationError`` for a tensor of another shape, or of no real numbers; the errors
  ///   of Checkpoints.
  package func read(
    _ parameter: Program.Parameter, _ elements: Range<Int>,
    into target: UnsafeMutablePointer<Scalar>, _ arithmetic: MatrixArithmetic
  ) throws {
    let place = try place(parameter)
    let type = try checkedType(of: place, parameter)
    let failure = Mutex<(any Error)?>(nil)
    nonisolated(unsafe) let target = target
    arithmetic.split(elements.count, cost: 1) { part in
      let first = (elements.lowerBound + part.lowerBound) * type.byteWidth
      let bytes = first..<first + part.count * type.byteWidth
      do {
        try place.withBytes(bytes) { bytes in
          guard let base = bytes.baseAddress else { return }
          Scalar.decode(
            base, type,
            into: UnsafeMutableBufferPointer(start: target + part.lowerBound, count: part.count))
        }
      } catch {
        failure.withLock { $0 = error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }

  package func announce(_ parameter: Program.Parameter, _ elements: Range<Int>) throws {
    let place = try place(parameter)
    let width = try checkedType(of: place, parameter).byteWidth
    guard case .file(let file, let location) = place, !elements.isEmpty else { return }
    file.announce(
      location.offset + elements.lowerBound * width..<location.offset + elements.upperBound * width)
  }

  /// The type that a parameter has where it lies.
  ///
  /// - Throws: as reading it does.
  package func type(of parameter: Program.Parameter) throws -> DType {
    try checkedType(of: place(parameter), parameter)
  }

  private func checkedType(of place: Place, _ parameter: Program.Parameter) throws -> DType {
    let spec = specs[parameter]
    guard place.shape.elementCount == spec.shape.elementCount else {
      throw InterpretationError(
        .parameterMismatch, "is \(place.shape), expected \(spec.shape)", subject: spec.name)
    }
    guard let type = place.type, type.isFloatingPoint else {
      throw InterpretationError(
        .parameterMismatch,
        "holds \(place.typeName), which are no real numbers; no model can be computed with them",
        subject: spec.name)
    }
    return type
  }
}

extension StoredParameters.Place {
  fileprivate var shape: Shape {
    switch self {
    case .memory(let view): view.shape
    case .file(_, let location): location.entry.shape
    }
  }

  fileprivate var type: DType? {
    switch self {
    case .memory(let view): view.dtype
    case .file(_, let location): location.entry.dtype
    }
  }

  fileprivate var typeName: String {
    switch self {
    case .memory(let view): "\(view.dtype)"
    case .file(_, let location): location.entry.dtypeName
    }
  }

  /// Calls `body` with some of the tensor's bytes.
  fileprivate func withBytes(
    _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws {
    switch self {
    case .memory(let view):
      view.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    case .file(let file, let location):
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: range.count, alignment: 64)
      defer { buffer.deallocate() }
      try file.read(at: location.offset + range.lowerBound, into: buffer)
      body(UnsafeRawBufferPointer(buffer))
    }
  }
}
