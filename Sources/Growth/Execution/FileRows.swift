// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Synchronization
import Tensors

/// A tensor in a file.
///
/// Rows are asked for by closures that cannot throw; what fails is kept here, to be thrown by
/// whoever has asked for the rows.
final class FileRows: SourceTensor {
  private let location: TensorLocation
  private let file: RandomAccessFile
  private let threadCount: Int?
  private let rowByteCount: Int
  private let failure = Mutex<(any Error)?>(nil)

  let type: DType?
  /// Elements of a row.
  let length: Int
  /// The number of rows.
  let count: Int

  private static let chunkByteCount = 128 << 10

  /// - Parameter threadCount: how many threads measure all rows; nil for all cores.
  init(_ location: TensorLocation, in file: RandomAccessFile, threadCount: Int? = nil) {
    self.location = location
    self.file = file
    self.threadCount = threadCount
    let shape = location.entry.shape
    type = location.entry.dtype
    length = shape.extents.last ?? 1
    rowByteCount = length * (type?.byteWidth ?? 0)
    count = length == 0 ? 0 : shape.elementCount / length
  }

  var typeName: String { location.entry.dtypeName }
  var elementCount: Int { location.entry.shape.elementCount }
  var label: String {
    "\(location.entry.name) in \(location.file.path(percentEncoded: false))"
  }

  func copy(_ range: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
    try file.read(at: location.offset + range.lowerBound, into: bytes)
  }

  /// Throws what has failed.
  func check() throws {
    if let error = failure.withLock({ $0 }) { throw error }
  }

  private func read(_ row: Int, into bytes: UnsafeMutableRawBufferPointer) {
    do { try file.read(at: location.offset + row * rowByteCount, into: bytes) } catch {
      failure.withLock { $0 = $0 ?? error }
      bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }
  }

  /// Rows for many threads, each read by itself.
  func shared<Scalar: GrowthScalar>() -> TensorRows<Scalar> {
    var rows = TensorRows<Scalar>(count: count, length: length) { [self] row, scratch in
      withUnsafeTemporaryAllocation(byteCount: rowByteCount, alignment: 16) { bytes in
        read(row, into: bytes)
        if let base = bytes.baseAddress, let type { Scalar.decode(base, type, into: scratch) }
      }
      return UnsafeBufferPointer(scratch)
    }
    rows.sequential = { [self] in sequential() }
    rows.threadCount = threadCount
    return rows
  }

  /// Rows for one thread, which are read ahead where they are asked for in order: twice as many each
  /// time, and not beyond a multiple of a power of two, at which whoever shares rows out begins.
  func sequential<Scalar: GrowthScalar>() -> TensorRows<Scalar> {
    let fitting = max(1, min(64, Self.chunkByteCount / max(1, rowByteCount)))
    let most = 1 << (fitting.bitWidth - 1 - fitting.leadingZeroBitCount)
    let chunk = Chunk(byteCount: most * rowByteCount)
    return TensorRows(count: count, length: length) { [self] row, scratch in
      if !chunk.rows.contains(row) {
        let isNext = row == chunk.rows.upperBound && !chunk.rows.isEmpty
        let wanted = isNext ? 2 * chunk.rows.count : 1
        chunk.rows = row..<min(row + wanted, (row / most + 1) * most, count)
        read(row, into: chunk.part(0, chunk.rows.count * rowByteCount))
      }
      let bytes = chunk.part((row - chunk.rows.lowerBound) * rowByteCount, rowByteCount)
      if type == Scalar.elementType {
        return UnsafeBufferPointer(bytes.assumingMemoryBound(to: Scalar.self))
      }
      if let base = bytes.baseAddress, let type { Scalar.decode(base, type, into: scratch) }
      return UnsafeBufferPointer(scratch)
    }
  }

  /// Rows that lie in memory.
  private final class Chunk {
    let bytes: UnsafeMutableRawBufferPointer
    var rows = 0..<0

    init(byteCount: Int) { bytes = .allocate(byteCount: max(1, byteCount), alignment: 64) }

    func part(_ start: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
      UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + count])
    }

    deinit { bytes.deallocate() }
  }
}
