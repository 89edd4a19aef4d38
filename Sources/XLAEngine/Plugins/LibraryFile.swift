// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation

/// A shared library's file before it is opened.
///
/// The system maps a library without looking whether the file is as long as it says: touching what is
/// missing ends the process. So the headers are read first.
enum LibraryFile {
  /// Checks that a file is a whole shared library for this machine.
  ///
  /// - Throws: ``XLAEngineError`` that says what is wrong with it.
  static func check(_ path: String) throws(XLAEngineError) {
    let handle: FileHandle
    do {
      handle = try RegularFile.open(path)
    } catch {
      throw XLAEngineError(
        .missingPlugin, "\(error.message); expected the library of a PJRT plugin", subject: path)
    }
    #if os(Linux)
      do {
        let size = try handle.seekToEnd()
        if let flaw = try ELF(handle, fileSize: size)?.flaw() ?? nil { throw invalid(flaw, path) }
        if size < UInt64(ELF.headerSize) { throw invalid("is not a shared library", path) }
      } catch let error as XLAEngineError {
        throw error
      } catch {
        throw invalid("cannot be read", path)
      }
    #endif
  }

  private static func invalid(_ flaw: String, _ path: String) -> XLAEngineError {
    XLAEngineError(
      .invalidPlugin, "\(flaw); expected the library of a PJRT plugin, whole and for this machine",
      subject: path)
  }
}

/// The headers of a library in the format of Linux.
private struct ELF {
  static let headerSize = 64
  private let handle: FileHandle
  private let fileSize: UInt64
  private let header: [UInt8]

  /// Nil for a file that is too short to have a header.
  init?(_ handle: FileHandle, fileSize: UInt64) throws {
    self.handle = handle
    self.fileSize = fileSize
    try handle.seek(toOffset: 0)
    header = [UInt8](try handle.read(upToCount: Self.headerSize) ?? Data())
    if header.count < Self.headerSize { return nil }
  }

  /// What is wrong with the file; nil for nothing.
  func flaw() throws -> String? {
    guard Array(header[0..<4]) == [0x7F, 0x45, 0x4C, 0x46] else {
      return "is not a shared library"
    }
    let (wide, littleEndian, shared) = (header[4] == 2, header[5] == 1, number(header, 16, 2) == 3)
    guard wide, littleEndian, shared else { return "is no shared library of 64 bits" }
    guard number(header, 18, 2) == Self.machine else { return "is for another kind of processor" }
    let needed = try furthestByte()
    guard needed <= fileSize else {
      return "is cut off: \(fileSize) of at least \(needed) bytes are there"
    }
    return nil
  }

  /// The end of what the headers speak of; the largest number where they cannot be added up.
  private func furthestByte() throws -> UInt64 {
    let sections = end(
      number(header, 40, 8), number(header, 58, 2) * number(header, 60, 2))
    let (start, size, count) = (number(header, 32, 8), number(header, 54, 2), number(header, 56, 2))
    let programs = end(start, size * count)
    guard max(sections, programs) <= fileSize, size >= 56 else { return max(sections, programs) }
    try handle.seek(toOffset: start)
    // checked: both are numbers of 16 bits.
    let table = [UInt8](try handle.read(upToCount: Int(size * count)) ?? Data())
    let segments = stride(from: 0, to: table.count - 55, by: Int(size)).map { at in
      end(number(table, at + 8, 8), number(table, at + 32, 8))
    }
    return max(sections, segments.max() ?? 0)
  }

  private func end(_ start: UInt64, _ count: UInt64) -> UInt64 {
    let (sum, overflows) = start.addingReportingOverflow(count)
    return overflows ? .max : sum
  }

  /// A number of so many bytes, the lowest first.
  private func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
    bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  #if arch(arm64)
    private static let machine: UInt64 = 183
  #else
    private static let machine: UInt64 = 62
  #endif
}
