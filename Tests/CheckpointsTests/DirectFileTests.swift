// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Synchronization
import Testing

@Suite("Files written past the cache") struct DirectFileTests {
  static let page = DirectFile.pageByteCount
  static let byteCount = 40 * page + 1234

  /// What the whole file shall hold.
  static let content = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }

  /// Ranges of bytes that cover the file: ends within pages, at their edges, and several in one page.
  static let cuts = [
    0, 10, 20, page, page + 1, 4 * page, 9 * page - 1, 9 * page + 1, 30 * page, 39 * page + 5,
    byteCount,
  ]

  /// Copies a range of the content into memory that begins so far behind a page's start.
  static func withMemory<Result>(
    _ range: Range<Int>, behindPage start: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: range.count + page, alignment: page)
    defer { memory.deallocate() }
    let bytes = UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + range.count])
    bytes.copyBytes(from: content[range])
    return try body(UnsafeRawBufferPointer(bytes))
  }

  /// Writes all ranges, the last first, each in memory that fits its place or not.
  static func write(
    _ url: URL, fitting: Bool,
    _ call: @escaping DirectFile.DirectWrite = { pwrite($0, $1, $2, $3) }
  ) throws {
    let file = try DirectFile(
      creating: url, for: URL(filePath: "/final/name"), byteCount: byteCount, directWrite: call)
    for (start, end) in zip(cuts, cuts.dropFirst()).reversed() {
      try withMemory(start..<end, behindPage: fitting ? start % page : (start + 8) % page) {
        try file.write($0, at: start)
      }
    }
    try file.synchronize()
  }

  /// What was written past the cache, where the file system can.
  private final class Log: Sendable {
    private let ranges = Mutex<[Range<Int>]>([])
    var all: [Range<Int>] { ranges.withLock { $0 } }
    func add(_ offset: off_t, _ count: Int) {
      ranges.withLock { $0.append(Int(offset)..<Int(offset) + count) }
    }
  }

  @Test("every byte comes to its place, whole pages past the cache", arguments: [true, false])
  func places(fitting: Bool) throws {
    try withDirectory { directory throws in
      let url = directory.appending(path: "x")
      let log = Log()
      try Self.write(url, fitting: fitting) {
        log.add($3, $2)
        return pwrite($0, $1, $2, $3)
      }
      #expect(try [UInt8](Data(contentsOf: url)) == Self.content)
      // Where the file system has no direct writes there are none to be seen.
      guard fitting, !log.all.isEmpty else { return #expect(log.all.isEmpty) }
      #expect(
        Set(log.all) == [
          Self.page * 2..<Self.page * 4, Self.page * 4..<Self.page * 8,
          Self.page * 10..<Self.page * 30, Self.page * 30..<Self.page * 39,
        ])
    }
  }

  @Test("where the system refuses, or writes a part, the rest goes through the cache")
  func refused() throws {
    try withDirectory { directory throws in
      for (name, most) in [("none", 0), ("odd", 5000), ("pages", 2 * Self.page)] {
        let url = directory.appending(path: name)
        try Self.write(url, fitting: true) {
          if most == 0 {
            errno = EINVAL
            return -1
          }
          // Through another descriptor, since odd lengths are not for direct writes.
          let descriptor = open(url.path, O_WRONLY)
          defer { close(descriptor) }
          return pwrite(descriptor, $1, min($2, most), $3)
        }
        #expect(try [UInt8](Data(contentsOf: url)) == Self.content, "\(name)")
      }
    }
  }

  @Test("a full disk is named with the final file and the place", arguments: [ENOSPC, EIO])
  func full(code: Int32) throws {
    try withDirectory { directory throws in
      let log = Log()
      let write = {
        try Self.write(directory.appending(path: "x"), fitting: true) { _, _, count, offset in
          log.add(offset, count)
          errno = code
          return -1
        }
      }
      // A file system without direct writes has nothing here that could fail.
      do { try write() } catch let error as CheckpointsError {
        #expect(error.code == (code == ENOSPC ? .outOfSpace : .unwritableFile))
        #expect(error.subject == "/final/name")
        #expect(error.message.contains("at byte \(30 * Self.page) of \(Self.byteCount)"))
        return
      }
      #expect(log.all.isEmpty)
    }
  }

  @Test("whole pages are those of the file, if memory lies as the file does")
  func pages() {
    for start in [0, 1, 100, Self.page - 1] {
      for count in [0, 1, Self.page - 1, Self.page, 2 * Self.page, 3 * Self.page + 7] {
        Self.withMemory(start..<start + count, behindPage: start) { bytes in
          let range = DirectFile.wholePages(of: bytes, at: start + 8 * Self.page)
          let pages = (0..<8).filter {
            $0 * Self.page >= start && ($0 + 1) * Self.page <= start + count
          }
          #expect(range.count == pages.count * Self.page)
          if let first = pages.first { #expect(range.lowerBound == first * Self.page - start) }
          #expect(count == 0 || DirectFile.wholePages(of: bytes, at: start + 1).isEmpty)
        }
      }
    }
  }
}
