// SPDX-License-Identifier: Apache-2.0

/// A source whose first bytes can be looked at before they are read.
package final class LookaheadSource: ByteSource {
  private let source: any ByteSource
  private var ahead: ArraySlice<UInt8> = []

  package var fileBytesRead: Int { source.fileBytesRead }

  /// Looks into `source`.
  package init(_ source: any ByteSource) { self.source = source }

  /// The next bytes, which are still to be read: as many as asked for, or fewer at the end.
  package func peek(_ count: Int) throws -> [UInt8] {
    while ahead.count < count {
      var buffer = [UInt8](repeating: 0, count: count - ahead.count)
      let read = try buffer.withUnsafeMutableBytes { try source.read(into: $0) }
      if read == 0 { break }
      ahead += buffer[..<read]
    }
    return Array(ahead.prefix(count))
  }

  package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard !ahead.isEmpty else { return try source.read(into: buffer) }
    let count = min(ahead.count, buffer.count)
    buffer.copyBytes(from: ahead.prefix(count))
    ahead = ahead.dropFirst(count)
    return count
  }
}
