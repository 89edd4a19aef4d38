// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Synchronization
import Tensors
import Testing

@Suite("OutputFile") struct OutputFileTests {
  static let content = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })

  static func write(_ url: URL, _ call: @escaping OutputFile.WriteCall) throws -> FileDigest {
    let file = try OutputFile(url, expectedByteCount: content.count, writeCall: call)
    try content.withUnsafeBytes { try file.write($0) }
    return try file.finish()
  }

  @Test("short and interrupted writes are carried on")
  func shortWrites() throws {
    let calls = Counter()
    try withDirectory { directory throws in
      let url = directory.appending(path: "x")
      let digest = try Self.write(url) { descriptor, bytes, count in
        if calls.add(1) % 3 == 0 {
          errno = EINTR
          return -1
        }
        return Foundation.write(descriptor, bytes, min(count, 70_001))
      }
      #expect(try Data(contentsOf: url) == Self.content)
      #expect(digest == FileDigest(of: Self.content))
    }
  }

  @Test(
    "a full disk is named with file, bytes and remedy, and the old file stays",
    arguments: [ENOSPC, EDQUOT, EFBIG])
  func full(code: Int32) throws {
    try withDirectory { directory throws in
      let url = directory.appending(path: "x")
      try Data("old".utf8).write(to: url)
      let written = Counter()
      expectFailure(.outOfSpace, url.path, "after 2000000 of 3000000 bytes", "free space") {
        _ = try Self.write(url) { descriptor, bytes, count in
          let room = 2_000_000 - written.value
          if room == 0 {
            errno = code
            return -1
          }
          let result = Foundation.write(descriptor, bytes, min(count, room))
          written.add(result)
          return result
        }
      }
      #expect(try String(contentsOf: url, encoding: .utf8) == "old")
      #expect(try names(in: directory) == ["x"])
    }
  }

  @Test("a file is replaced whole, behind a link as well, and only where its directory is")
  func replacing() throws {
    try withDirectory { directory throws in
      let (file, link) = (directory.appending(path: "file"), directory.appending(path: "link"))
      try OutputFile.replace(file, with: Data("one".utf8))
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: file)
      try OutputFile.replace(link, with: Data("two".utf8))
      #expect(try String(contentsOf: file, encoding: .utf8) == "two")
      #expect(try names(in: directory) == ["file", "link"])
      let missing = directory.appending(path: "missing/file")
      expectFailure(.unwritableFile, missing.path, "no such file") {
        try OutputFile.replace(missing, with: Data())
      }
      expectFailure(.unwritableFile, directory.path, "directory") {
        try OutputFile.replace(directory, with: Data())
      }
      try OutputFile.replace(URL(filePath: "/dev/null"), with: Data("gone".utf8))
    }
  }

  @Test("other failures, and a system that writes nothing, end in an error", arguments: [-1, 0])
  func broken(result: Int) throws {
    try withDirectory { directory throws in
      expectFailure(.unwritableFile, "x", "after 0 of") {
        _ = try Self.write(directory.appending(path: "x")) { _, _, _ in
          errno = EIO
          return result
        }
      }
      #expect(try names(in: directory).isEmpty)
    }
  }

  #if os(Linux)
    @Test("the kernel's own full device is reported as a full disk")
    func fullDevice() throws {
      let device = open("/dev/full", O_WRONLY | O_CLOEXEC)
      try #require(device >= 0)
      defer { close(device) }
      try withDirectory { directory throws in
        expectFailure(.outOfSpace, "x", "after 0 of 3000000") {
          _ = try Self.write(directory.appending(path: "x")) { _, bytes, count in
            Foundation.write(device, bytes, count)
          }
        }
        #expect(try names(in: directory).isEmpty)
      }
    }
  #endif

  @Test("a disk that fills in the middle of a checkpoint leaves the one before it whole")
  func fullDuringCheckpoint() throws {
    try withDirectory { directory throws in
      let store = CheckpointStore(directory)
      try writeCheckpoint(store, step: 1)
      for step in [1, 2] {
        expectFailure(.outOfSpace, "model.safetensors") {
          try store.write(step: step) { writer in
            try writer.write(Data("{}".utf8), to: "config.json")
            let header = try SafetensorsHeader(tensors: [TensorSpec("w", shape: [1000])])
            let url = writer.directory.appending(path: "model.safetensors")
            let output = try OutputFile(url, expectedByteCount: header.fileByteCount) {
              if $2 < 4000 { return Foundation.write($0, $1, $2) }
              errno = ENOSPC
              return -1
            }
            let tensors = try SafetensorsWriter(header, output, url)
            try tensors.append(counting([1000]), named: "w")
          }
        }
        #expect(try names(in: directory) == ["step-00000001"])
        #expect(try store.latestValid().item?.step == 1)
        #expect(try store.latestValid().damaged.isEmpty)
      }
    }
  }

  /// Run with `ESPALIER_SMALL_FILE_SYSTEM` naming a directory on a file system of a few megabytes.
  @Test(
    "a file system that is really full",
    .enabled(if: ProcessInfo.processInfo.environment["ESPALIER_SMALL_FILE_SYSTEM"] != nil))
  func smallFileSystem() throws {
    let path = try #require(ProcessInfo.processInfo.environment["ESPALIER_SMALL_FILE_SYSTEM"])
    let directory = URL(filePath: path).appending(path: "checkpoints")
    defer { try? FileManager.default.removeItem(at: directory) }
    let store = CheckpointStore(directory)
    try writeCheckpoint(store, step: 1)
    expectFailure(.outOfSpace, "big.safetensors", "of 400000", "free space") {
      try store.write(step: 2) { writer in
        try writer.writeTensors("big", [TensorSpec("w", shape: [100_000_000])]) { entry in
          HostTensor(zeros: entry.shape)
        }
      }
    }
    #expect(try names(in: directory) == ["step-00000001"])
    #expect(try store.latestValid().item?.step == 1)
  }
}

/// A counter that closures on any thread may change.
private final class Counter: Sendable {
  private let total = Mutex(0)

  var value: Int { total.withLock { $0 } }

  @discardableResult
  func add(_ amount: Int) -> Int {
    total.withLock { total in
      total += amount
      return total
    }
  }
}
