// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors
import Testing

@Suite("CheckpointDirectory") struct CheckpointDirectoryTests {
  static func write(_ target: URL) throws {
    let manifest = try CheckpointDirectory.write(to: target) { writer in
      try writer.write(Data("{}".utf8), to: "config.json")
      try writer.writeTensors(
        "model", (0..<3).map { TensorSpec("w\($0)", shape: [10]) }, metadata: ["format": "pt"],
        maximumShardByteCount: 40
      ) { counting($0.shape) }
      let sub = writer.directory.appending(path: "sub")
      try FileManager.default.createDirectory(at: sub, withIntermediateDirectories: false)
      try Data("by other means".utf8).write(to: sub.appending(path: "note.txt"))
    }
    #expect(manifest.files.count == 6)
  }

  @Test("every file is in the manifest with the size and SHA-256 of its bytes")
  func manifest() throws {
    try withDirectory { directory throws in
      let target = directory.appending(path: "c")
      try Self.write(target)
      let manifest = try Manifest(reading: target)
      #expect(
        manifest.files.keys.sorted() == [
          "config.json", "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
          "model-00003-of-00003.safetensors", "model.safetensors.index.json", "sub/note.txt",
        ])
      #expect(
        manifest.files["config.json"]
          == FileDigest(
            byteCount: 2, sha256: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
          ))
      #expect(try Manifest(of: target) == manifest)
      try CheckpointDirectory.verify(target)
      try CheckpointDirectory.verify(target, level: .sizes)
      #expect(try openTensors(in: target).float32(named: "w2").floats == counting([10]).floats)
    }
  }

  @Test("missing, cut, changed and unreadable files are found and named")
  func damage() throws {
    try withDirectory { directory throws in
      let target = directory.appending(path: "c")
      try Self.write(target)
      func path(_ name: String) -> URL { target.appending(path: name) }
      try FileManager.default.removeItem(at: path("config.json"))
      let shard = path("model-00001-of-00003.safetensors")
      let bytes = try Data(contentsOf: shard)
      try bytes.dropLast().write(to: shard)
      var note = try Data(contentsOf: path("sub/note.txt"))
      note[3] ^= 1
      try note.write(to: path("sub/note.txt"))
      try FileManager.default.removeItem(at: path("model.safetensors.index.json"))
      try FileManager.default.createDirectory(
        at: path("model.safetensors.index.json"), withIntermediateDirectories: false)

      let cheap: [FileProblem] = [
        FileProblem(file: "config.json", kind: .missing),
        FileProblem(
          file: "model-00001-of-00003.safetensors",
          kind: .wrongSize(expected: bytes.count, found: bytes.count - 1)),
        FileProblem(
          file: "model.safetensors.index.json", kind: .unreadable("not a regular file")),
      ]
      #expect(CheckpointDirectory.problems(in: target, level: .sizes) == cheap)
      #expect(
        CheckpointDirectory.problems(in: target)
          == cheap + [FileProblem(file: "sub/note.txt", kind: .wrongChecksum)])
      expectFailure(
        .damagedCheckpoint, "config.json is missing", "\(bytes.count - 1) bytes", "sub/note.txt",
        target.path
      ) { try CheckpointDirectory.verify(target) }
    }
  }

  @Test("files beside those of the manifest do not matter")
  func extraFiles() throws {
    try withDirectory { directory throws in
      let target = directory.appending(path: "c")
      try Self.write(target)
      try Data().write(to: target.appending(path: "README.md"))
      try CheckpointDirectory.verify(target)
    }
  }

  @Test(
    "a manifest that is missing or makes no sense is a problem",
    arguments: [
      "", "{}", "[]", #"{"format_version": 2, "files": {}}"#,
      #"{"format_version": 1, "files": {"../x": {"bytes": 0, "sha256": ""}}}"#,
      #"{"format_version": 1, "files": {"/etc/passwd": {"bytes": 0, "sha256": ""}}}"#,
      #"{"format_version": 1, "files": {"a//b": {"bytes": 0, "sha256": ""}}}"#,
      #"{"format_version": 1, "files": {"a": {"bytes": 1e30, "sha256": ""}}}"#,
      #"{"format_version": 1, "files": {"a": {"bytes": 1}}}"#,
      #"{"format_version": 1, "files": {"a": {"bytes": -7, "sha256": ""}}}"#,
    ])
  func badManifest(text: String) throws {
    try withDirectory { directory throws in
      try Data(text.utf8).write(to: directory.appending(path: "manifest.json"))
      let problems = CheckpointDirectory.problems(in: directory)
      guard case .unreadable = problems.first?.kind else {
        Issue.record("found \(problems)")
        return
      }
      #expect(problems.map(\.file) == ["manifest.json"])
      expectFailure(.invalidManifest, "manifest.json") { _ = try Manifest(reading: directory) }
    }
  }

  @Test("a directory without a manifest is not a checkpoint")
  func noManifest() throws {
    try withDirectory { directory throws in
      #expect(
        CheckpointDirectory.problems(in: directory)
          == [FileProblem(file: "manifest.json", kind: .missing)])
      #expect(CheckpointDirectory.problems(in: directory.appending(path: "gone")).count == 1)
    }
  }

  @Test(
    "digests of known texts",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ])
  func digests(text: String, expected: String) throws {
    #expect(FileDigest(of: Data(text.utf8)).sha256 == expected)
    try withDirectory { directory throws in
      let url = directory.appending(path: "x")
      try Data(text.utf8).write(to: url)
      #expect(try FileDigest(of: url).sha256 == expected)
      expectFailure(.unreadableFile, directory.path) { _ = try FileDigest(of: directory) }
    }
  }
}
