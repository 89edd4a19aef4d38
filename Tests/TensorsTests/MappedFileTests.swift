// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import Testing

@Suite("MappedFile") struct MappedFileTests {
  /// Calls `body` with a directory that is removed afterwards.
  static func withDirectory(_ body: (URL) throws -> Void) throws {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "mapped-file-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    try body(directory)
  }

  @Test("maps a file's bytes, which outlive its name")
  func maps() throws {
    try Self.withDirectory { directory in
      let url = directory.appending(path: "a b é.bin")
      let content = Data((0..<10_000).map { UInt8(truncatingIfNeeded: $0) })
      try content.write(to: url)
      let file = try MappedFile(url)
      try FileManager.default.removeItem(at: url)
      file.advise(sequential: true)
      file.advise(sequential: false)
      withExtendedLifetime(file) { #expect(Data(file.bytes) == content) }
    }
  }

  @Test("an empty file has no bytes")
  func empty() throws {
    try Self.withDirectory { directory in
      let url = directory.appending(path: "empty")
      try Data().write(to: url)
      let file = try MappedFile(url)
      file.advise(sequential: true)
      #expect(file.bytes.isEmpty)
    }
  }

  @Test("what is missing, a directory or a pipe is refused by name, without waiting")
  func refused() throws {
    try Self.withDirectory { directory in
      let pipe = directory.appending(path: "pipe")
      #expect(mkfifo(pipe.path, 0o600) == 0)
      for url in [directory, directory.appending(path: "missing"), pipe] {
        #expect {
          try MappedFile(url)
        } throws: { error in
          let error = error as? TensorsError
          return error?.code == .fileUnavailable && error?.subject == url.path
        }
      }
    }
  }

  @Test("a view keeps the file mapped")
  func viewKeepsFile() throws {
    try Self.withDirectory { directory in
      let url = directory.appending(path: "x")
      try Data([0, 0, 0x80, 0x3F]).write(to: url)
      func view() throws -> TensorView {
        let file = try MappedFile(url)
        return try TensorView(dtype: .float32, shape: [1], bytes: file.bytes, owner: file)
      }
      #expect(try view().convertedToFloat32().floats == [1])
    }
  }
}
