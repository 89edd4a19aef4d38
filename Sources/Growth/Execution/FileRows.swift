// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Synchronization
import Tensors

/// The rows of a tensor in a file.
///
/// Rows are asked for by closures that cannot throw; what fails is kept here, to be thrown by
/// whoever has asked for the rows.
final class FileRows: Sendable {
  private let location: TensorLocation
  private let file: RandomAccessFile
  private let type: DType
  private let failure = Mutex<(any Error)?>(nil)

  /// Elements of a row.
  let length: Int
  /// The number of rows.
  let count: Int

  private static let chunkByteCount = 128 << 10

  init(_ location: TensorLocation, type: DType, in file: RandomAccessFile) {
    self.location = location
    self.file = file
    self.type = type
    let shape = location.entry.shape
    length = shape.extents.last ?? 1
    count = length == 0 ? 0 : shape.elementCount / length
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

  private var rowByteCount: Int { length * type.byteWidth }

  /// Rows for many threads, each read by itself.
  func shared<Scalar: ElementCoding>() -> TensorRows<Scalar> {
    TensorRows(count: count, length: length) { [self] row, scratch in
      withUnsafeTemporaryAllocation(byteCount: rowByteCount, alignment: 16) { bytes in
        read(row, into: bytes)
        if let base = bytes.baseAddress { Scalar.decode(base, type, into: scratch) }
      }
      return UnsafeBufferPointer(scratch)
    }
  }

  /// Rows for one thread, which are read ahead where they are asked for in order.
  func sequential<Scalar: ElementCoding>() -> TensorRows<Scalar> {
    let most = max(1, Self.chunkByteCount / max(1, rowByteCount))
    let chunk = Chunk(byteCount: most * rowByteCount)
    return TensorRows(count: count, length: length) { [self] row, scratch in
      if !chunk.rows.contains(row) {
        let isNext = row == chunk.rows.upperBound && !chunk.rows.isEmpty
        let number = min(isNext ? min(2 * chunk.rows.count, most) : 1, count - row)
        chunk.rows = row..<row + number
        read(
          row,
          into: UnsafeMutableRawBufferPointer(rebasing: chunk.bytes[..<(number * rowByteCount)]))
      }
      let first = (row - chunk.rows.lowerBound) * rowByteCount
      let bytes = UnsafeMutableRawBufferPointer(
        rebasing: chunk.bytes[first..<first + rowByteCount])
      if type.byteWidth == MemoryLayout<Scalar>.size {
        return UnsafeBufferPointer(bytes.assumingMemoryBound(to: Scalar.self))
      }
      if let base = bytes.baseAddress { Scalar.decode(base, type, into: scratch) }
      return UnsafeBufferPointer(scratch)
    }
  }

  /// Rows that lie in memory.
  private final class Chunk {
    let bytes: UnsafeMutableRawBufferPointer
    var rows = 0..<0

    init(byteCount: Int) { bytes = .allocate(byteCount: max(1, byteCount), alignment: 64) }

    deinit { bytes.deallocate() }
  }
}
