// SPDX-License-Identifier: Apache-2.0

/// Bytes between a source and the pieces cut from it.
struct ByteBuffer {
  private static let stepByteCount = 1 << 18

  private var storage: [UInt8] = []
  private var step = [UInt8](repeating: 0, count: stepByteCount)
  private(set) var isAtEnd = false
  /// Bytes taken so far.
  private(set) var takenByteCount = 0

  var count: Int { storage.count }

  mutating func fill(to target: Int, from source: any ByteSource) throws {
    while storage.count < target && !isAtEnd {
      let wanted = min(target - storage.count, step.count)
      let read = try step.withUnsafeMutableBytes {
        try source.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<wanted]))
      }
      storage.append(contentsOf: step[..<read])
      isAtEnd = read == 0
    }
  }

  func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    storage.withUnsafeBytes(body)
  }

  /// Gives the first bytes; the larger of the two parts is not copied.
  mutating func take(_ count: Int) -> [UInt8] {
    takenByteCount += count
    if count < storage.count / 2 {
      let taken = Array(storage[..<count])
      storage.removeSubrange(..<count)
      return taken
    }
    var taken = Array(storage[count...])
    swap(&taken, &storage)
    taken.removeLast(taken.count - count)
    return taken
  }
}
