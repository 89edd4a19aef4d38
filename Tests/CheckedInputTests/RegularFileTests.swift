// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation
import Testing

@Suite("Plain files")
struct RegularFileTests {
  private func inFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "espalier-plain-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  private func failure(_ path: String, atMost limit: Int = 10) -> RegularFileError? {
    do {
      _ = try RegularFile.contents(of: path, atMost: limit)
      return nil
    } catch {
      return error
    }
  }

  @Test("a file is read; one that is larger than such files are is not")
  func contents() throws {
    try inFolder { folder in
      let file = folder.appending(path: "file")
      try Data("0123456789".utf8).write(to: file)
      #expect(try RegularFile.contents(of: file.path, atMost: 10) == Data("0123456789".utf8))
      #expect(failure(file.path, atMost: 9)?.code == .tooLarge)
    }
  }

  @Test("pipes, folders and devices are refused at once, and missing files named so")
  func others() throws {
    try inFolder { folder in
      let pipe = folder.appending(path: "pipe").path
      #expect(mkfifo(pipe, 0o600) == 0)
      #expect(failure(pipe)?.message == "is a pipe, not a file")
      #expect(failure(folder.path)?.message == "is a folder, not a file")
      #expect(failure("/dev/zero")?.message == "is a device, not a file")
      #expect(failure(folder.appending(path: "none").path)?.code == .missing)
      #expect(failure(folder.appending(path: "none/of/it").path)?.code == .missing)
    }
  }

  @Test("text must be UTF-8")
  func text() throws {
    try inFolder { folder in
      let file = folder.appending(path: "file")
      try Data("é".utf8).write(to: file)
      #expect(try RegularFile.text(of: file.path, atMost: 10) == "é")
      try Data([0x61, 0xFF]).write(to: file)
      let error = #expect(throws: RegularFileError.self) {
        try RegularFile.text(of: file.path, atMost: 10)
      }
      #expect(error?.code == .notText)
      #expect(error?.message.hasPrefix("is not text in UTF-8: byte 2 of line 1 is 0xFF") ?? false)
      try Data([0xEF, 0xBB, 0xBF, 0x61]).write(to: file)
      #expect(try RegularFile.text(of: file.path, atMost: 10) == "a")
    }
  }
}
