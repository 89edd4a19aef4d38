// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite struct ByteSourceTests {
  private func readAll(_ source: any ByteSource, step: Int) throws -> [UInt8] {
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: step)
    while true {
      let count = try buffer.withUnsafeMutableBytes { try source.read(into: $0) }
      if count == 0 { return result }
      result += buffer[..<count]
    }
  }

  @Test(arguments: [1, 2, 3, 100], ["", "a", "ab", "abcdefg"])
  func looksAheadWithoutLosingBytes(step: Int, text: String) throws {
    let pipe = Pipe()
    try pipe.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    try pipe.fileHandleForWriting.close()
    let source = LookaheadSource(
      FileByteSource(descriptor: pipe.fileHandleForReading.fileDescriptor, subject: "pipe"))
    for count in [2, 1, 4] { #expect(try source.peek(count) == Array(text.utf8.prefix(count))) }
    #expect(try readAll(source, step: step) == Array(text.utf8))
    #expect(source.fileBytesRead == text.utf8.count)
  }

  @Test func waitsForBytesUntilItIsInterrupted() throws {
    struct Interruption: Error {}
    let pipe = Pipe()
    var waits = 0
    let source = FileByteSource(
      descriptor: pipe.fileHandleForReading.fileDescriptor, subject: "pipe"
    ) {
      waits += 1
      if waits == 1 { try pipe.fileHandleForWriting.write(contentsOf: Data([7])) }
      if waits == 2 { throw Interruption() }
    }
    #expect(throws: Interruption.self) { try readAll(source, step: 10) }
    #expect(waits == 2 && source.fileBytesRead == 1)
  }

  @Test func namesAFileThatCannotBeOpened() {
    let error = textError { _ = try FileByteSource(URL(fileURLWithPath: "/no/such/file")) }
    #expect(error?.code == .unreadableInput && error?.subject == "/no/such/file")
  }

  @Test func namesAFileThatIsNoFileOfText() throws {
    for (path, kind) in [("/", "a folder"), ("/dev/zero", "a device")] {
      let error = textError { _ = try FileByteSource(URL(fileURLWithPath: path)) }
      #expect(error?.subject == path && error?.message.contains(kind) == true)
    }
  }

  @Test func readsAPipeAndTellsOneWithoutWriter() throws {
    let folder = try TemporaryFolder()
    let url = folder.url.appendingPathComponent("pipe")
    #expect(mkfifo(url.path, 0o600) == 0)
    let source = try FileByteSource(url)
    let error = textError { _ = try readAll(source, step: 10) }
    #expect(error?.message.contains("no program writes to") == true && error?.subject == url.path)

    let late = try FileByteSource(url) {
      if let writer = FileHandle(forWritingAtPath: url.path) {
        try writer.write(contentsOf: Data([7]))
      }
    }
    #expect(try readAll(late, step: 10).first == 7)
  }
}
