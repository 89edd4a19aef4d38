// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors
import Training

/// Where a small model's tensors lie: in files, or in memory.
protocol StateSource: Sendable {
  associatedtype Tensor: SourceTensor

  /// One part of a parameter; nil where there is none.
  func tensor(_ parameter: Int, _ part: StatePart) throws -> Tensor?
}

/// A tensor of a small model, as whoever grows it reads it: rows along its last axis, or bytes.
protocol SourceTensor: Sendable {
  /// The type of its elements; nil for one that this library does not know.
  var type: DType? { get }
  /// That type as messages name it.
  var typeName: String { get }
  /// How many there are.
  var elementCount: Int { get }
  /// What messages call it.
  var label: String { get }

  /// Rows for many threads, of a type of real numbers.
  func shared<Scalar: GrowthScalar>() -> TensorRows<Scalar>
  /// Rows for one thread that asks for them in order.
  func sequential<Scalar: GrowthScalar>() -> TensorRows<Scalar>
  /// Throws what has failed while rows were read, which cannot throw.
  func check() throws
  /// Copies a range of its bytes.
  func copy(_ range: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws
}

/// A small model's tensors in memory.
struct MemorySource: StateSource {
  /// One of them.
  struct Tensor: SourceTensor {
    let tensor: HostTensor
    let label: String

    var type: DType? { tensor.dtype }
    var typeName: String { "\(tensor.dtype)" }
    var elementCount: Int { tensor.shape.elementCount }

    func shared<Scalar: GrowthScalar>() -> TensorRows<Scalar> {
      let (tensor, type) = (tensor, tensor.dtype)
      let length = tensor.shape.extents.last ?? 1
      let count = length == 0 ? 0 : tensor.shape.elementCount / length
      // A tensor's bytes stay where they are as long as somebody holds it.
      nonisolated(unsafe) let bytes = tensor.withUnsafeBytes { $0 }
      return TensorRows(count: count, length: length) { row, scratch in
        withExtendedLifetime(tensor) {
          let width = length * type.byteWidth
          let row = UnsafeRawBufferPointer(rebasing: bytes[row * width..<(row + 1) * width])
          guard type != Scalar.elementType else {
            return row.assumingMemoryBound(to: Scalar.self)
          }
          let target = UnsafeMutableBufferPointer(rebasing: scratch[..<length])
          if let base = row.baseAddress { Scalar.decode(base, type, into: target) }
          return UnsafeBufferPointer(target)
        }
      }
    }

    func sequential<Scalar: GrowthScalar>() -> TensorRows<Scalar> { shared() }

    func check() {}

    func copy(_ range: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) {
      tensor.withUnsafeBytes { bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
  }

  private let names: [String]
  private let part: @Sendable (Int, StatePart) -> HostTensor?

  /// - Parameters:
  ///   - names: of the parameters, for messages.
  ///   - part: their tensors; nil for those that there are not.
  init(names: [String], _ part: @escaping @Sendable (Int, StatePart) -> HostTensor?) {
    self.names = names
    self.part = part
  }

  func tensor(_ parameter: Int, _ part: StatePart) -> Tensor? {
    self.part(parameter, part).map { Tensor(tensor: $0, label: part.prefix + names[parameter]) }
  }
}

/// Where a small model's tensors are in files, before any is opened.
struct StoredPlaces: Sendable {
  private let directory: ModelDirectory
  private let stored: StoredTrainingState?

  /// - Parameter stored: the training state's tensors; nil for weights alone, of any directory.
  init(_ directory: ModelDirectory, _ stored: StoredTrainingState? = nil) {
    self.directory = directory
    self.stored = stored
  }

  /// Where one part of a parameter is; nil where there is none.
  func location(of parameter: Int, _ part: StatePart) -> TensorLocation? {
    if let stored { return stored.location(of: parameter, part) }
    return part == .value
      ? directory.tensors.location(of: directory.tensorNames[parameter]) : nil
  }

  /// Where a chain begins; nil where all entries are new.
  func location(of chain: GrowthChain) -> TensorLocation? {
    chain.origin.flatMap { location(of: $0, chain.part) }
  }
}

/// A small model's tensors in files.
struct FileSource: StateSource {
  private let places: StoredPlaces
  private let files: [URL: RandomAccessFile]
  private let threadCount: Int?

  /// Opens the files that some chains begin in.
  ///
  /// - Parameter threadCount: how many threads measure a tensor; nil for all cores.
  init(_ places: StoredPlaces, for chains: some Sequence<GrowthChain>, threadCount: Int? = nil)
    throws
  {
    self.places = places
    self.threadCount = threadCount
    let urls = Set(chains.compactMap { places.location(of: $0)?.file })
    files = try Dictionary(uniqueKeysWithValues: urls.map { ($0, try RandomAccessFile($0)) })
  }

  func tensor(_ parameter: Int, _ part: StatePart) throws -> FileRows? {
    guard let location = places.location(of: parameter, part) else { return nil }
    guard let file = files[location.file] else {
      throw GrowthError(.unreadableSource, "is not open", subject: location.file.path)
    }
    return FileRows(location, in: file, threadCount: threadCount)
  }
}
