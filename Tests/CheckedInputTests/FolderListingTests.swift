// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation
import Testing

@Suite("Names in folders")
struct FolderListingTests {
  private func inFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "espalier-names-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  /// Makes an empty file whose name is any bytes.
  private func touch(_ folder: String, _ name: [UInt8]) {
    let descriptor = open(path(folder, name), O_CREAT | O_WRONLY, 0o600)
    #expect(descriptor >= 0)
    close(descriptor)
  }

  private func path(_ folder: String, _ name: [UInt8]) -> [CChar] {
    (Array(folder.utf8) + [UInt8(ascii: "/")] + name + [0]).map { CChar(bitPattern: $0) }
  }

  @Test("texts stand in the order of their bytes; other names are spelled out")
  func names() throws {
    try inFolder { folder throws in
      #expect(try FolderListing(of: folder).isEmpty)
      touch(folder, Array("b\u{E9}".utf8))
      touch(folder, Array("a.txt".utf8))
      touch(folder, Array(".hidden".utf8))
      // Other systems make no such file.
      #if os(Linux)
        let strange = Array("caf".utf8) + [0xE9] + Array(".txt".utf8)
        touch(folder, strange)
        defer { unlink(path(folder, strange)) }
      #endif
      let listing = try FolderListing(of: folder)
      #expect(listing.names == [".hidden", "a.txt", "b\u{E9}"])
      #if os(Linux)
        #expect(listing.strangeNames == ["caf\\xE9.txt"])
      #endif
      #expect(!listing.isEmpty)
    }
  }

  @Test("what is no folder gives the system's reason")
  func failures() {
    let error = #expect(throws: POSIXError.self) { try FolderListing(of: "/nowhere/at/all") }
    #expect(error?.code == .ENOENT)
    #expect(throws: POSIXError.self) { try FolderListing(of: "/dev/null") }
  }
}
