// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Testing

@Suite("AtomicDirectory") struct AtomicDirectoryTests {
  struct Refusal: Error {}

  static let unique = "0123456789abcdef"

  static func make(_ directory: URL, holding text: String) throws {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: directory.appending(path: "file"))
  }

  static func text(_ directory: URL) throws -> String {
    try String(contentsOf: directory.appending(path: "file"), encoding: .utf8)
  }

  @Test("a directory appears with all its files, and the folders above it")
  func appears() throws {
    try withDirectory { directory throws in
      let target = directory.appending(path: "a/b/target")
      let result = try AtomicDirectory.write(to: target) { temporary in
        #expect(!FileManager.default.fileExists(atPath: target.path))
        try Self.make(temporary.appending(path: "sub"), holding: "x")
        return 5
      }
      #expect(result == 5)
      #expect(try Self.text(target.appending(path: "sub")) == "x")
      #expect(try names(in: target.deletingLastPathComponent()) == ["target"])
    }
  }

  @Test("a target is replaced whole: old files are gone")
  func replaces() throws {
    try withDirectory { directory throws in
      let target = directory.appending(path: "target")
      try AtomicDirectory.write(to: target) { temporary in
        try Self.make(temporary, holding: "old")
        try Data().write(to: temporary.appending(path: "extra"))
      }
      try AtomicDirectory.write(to: target) { temporary in
        #expect(try Self.text(target) == "old")
        try Self.make(temporary, holding: "new")
      }
      #expect(try Self.text(target) == "new")
      #expect(try names(in: target) == ["file"])
      #expect(try names(in: directory) == ["target"])
    }
  }

  @Test("a failure leaves the old directory and nothing else")
  func failure() throws {
    try withDirectory { directory throws in
      let target = directory.appending(path: "target")
      try Self.make(target, holding: "old")
      #expect(throws: Refusal.self) {
        try AtomicDirectory.write(to: target) { temporary in
          try Self.make(temporary, holding: "half")
          throw Refusal()
        }
      }
      #expect(try Self.text(target) == "old")
      #expect(try names(in: directory) == ["target"])
    }
  }

  @Test("a file in the target's place is an error and stays")
  func overFile() throws {
    try withDirectory { directory throws in
      let target = directory.appending(path: "target")
      try Data("precious".utf8).write(to: target)
      expectFailure(.unwritableFile, target.path) {
        try AtomicDirectory.write(to: target) { try Self.make($0, holding: "new") }
      }
      #expect(try String(contentsOf: target, encoding: .utf8) == "precious")
      #expect(try names(in: directory) == ["target"])
    }
  }

  @Test("a folder that cannot be made is named")
  func impossibleParent() throws {
    try withDirectory { directory throws in
      try Data().write(to: directory.appending(path: "file"))
      let target = directory.appending(path: "file/target")
      expectFailure(.unwritableFile, "file") { try AtomicDirectory.write(to: target) { _ in } }
    }
  }

  @Test("leftovers of killed writers go with the next write; other names stay")
  func leftovers() throws {
    try withDirectory { directory throws in
      let others = [
        ".tmp-mine", ".tmp-0123-x", ".tmp-\(Self.unique)", ".tmp-\(Self.unique)-",
        ".tmp-0123456789ABCDEF-x", "tmp-\(Self.unique)-x", ".old-mine",
      ]
      for name in others + [".tmp-\(Self.unique)-step", ".tmp-\(Self.unique)-other.x"] {
        try Self.make(directory.appending(path: name), holding: "half")
      }
      try Data().write(to: directory.appending(path: ".tmp-\(Self.unique)-file.safetensors"))
      try AtomicDirectory.write(to: directory.appending(path: "target")) { _ in }
      #expect(try names(in: directory) == (others + ["target"]).sorted())
    }
  }

  @Test("the work of a living writer is not taken for a leftover")
  func livingWriter() throws {
    try withDirectory { directory throws in
      let (first, second) = (
        directory.appending(path: "first"), directory.appending(path: "second")
      )
      try AtomicDirectory.write(to: first) { temporary in
        try Self.make(temporary, holding: "first")
        try AtomicDirectory.write(to: second) { try Self.make($0, holding: "second") }
        AtomicDirectory.recover(in: directory)
        #expect(try Self.text(temporary) == "first")
      }
      #expect(try Self.text(first) == "first" && Self.text(second) == "second")
      #expect(try names(in: directory) == ["first", "second"])
    }
  }

  @Test("killed between the two renames: the old directory is put back")
  func killedBetweenRenames() throws {
    try withDirectory { directory throws in
      try Self.make(directory.appending(path: ".old-\(Self.unique)-target"), holding: "old")
      try Self.make(directory.appending(path: ".tmp-\(Self.unique)-target"), holding: "new")
      AtomicDirectory.recover(in: directory)
      #expect(try Self.text(directory.appending(path: "target")) == "old")
      #expect(try names(in: directory) == ["target"])
    }
  }

  @Test("killed after the second rename: the new directory stays, the old one goes")
  func killedBeforeRemoval() throws {
    try withDirectory { directory throws in
      try Self.make(directory.appending(path: ".old-\(Self.unique)-target"), holding: "old")
      try Self.make(directory.appending(path: "target"), holding: "new")
      AtomicDirectory.recover(in: directory)
      #expect(try Self.text(directory.appending(path: "target")) == "new")
      #expect(try names(in: directory) == ["target"])
    }
  }

  @Test("many writers of one folder at once do not disturb each other")
  func concurrentWriters() async throws {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "checkpoints-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<40 {
        group.addTask {
          try AtomicDirectory.write(to: directory.appending(path: "\(number)")) { temporary in
            _ = try OutputFile.write(
              Data("\(number)".utf8), to: temporary.appending(path: "file"))
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try names(in: directory).count == 40)
    for number in 0..<40 {
      #expect(try Self.text(directory.appending(path: "\(number)")) == "\(number)")
    }
  }
}
