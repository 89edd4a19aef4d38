// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors
import Testing

@Suite("Sharded models") struct ShardedTensorsTests {
  static let specs = [
    TensorSpec("c", shape: [4]), TensorSpec("a", shape: [4]), TensorSpec("big", shape: [100]),
    TensorSpec("b", dtype: .bfloat16, shape: [2]), TensorSpec("d", shape: [1]),
  ]

  static func write(_ directory: URL, limit: Int?) throws -> [String: FileDigest] {
    let writer = try ShardedWriter(
      in: directory, tensors: specs, metadata: ["format": "pt"], maximumShardByteCount: limit)
    while let next = writer.next {
      let tensor = try counting(next.shape, from: 1).converted(to: #require(next.dtype))
      try writer.append(tensor, named: next.name)
    }
    return try writer.finish()
  }

  @Test("a greatest size splits in the given order, and all is found again")
  func splits() throws {
    try withDirectory { directory throws in
      let digests = try Self.write(directory, limit: 32)
      let files = (1...3).map { "model-0000\($0)-of-00003.safetensors" }
      #expect(digests.keys.sorted() == files + ["model.safetensors.index.json"])
      #expect(try names(in: directory) == digests.keys.sorted())
      for (name, digest) in digests {
        #expect(try FileDigest(of: directory.appending(path: name)) == digest)
      }
      let source = try openTensors(in: directory)
      #expect(source.names == ["a", "c", "big", "d", "b"])
      #expect(source.metadata == ["format": "pt"])
      for spec in Self.specs {
        let expected = counting(spec.shape, from: 1).floats
        #expect(try source.float32(named: spec.name).floats == expected)
        #expect(source.entry(named: spec.name)?.shape == spec.shape)
      }
      expectFailure(.missingTensor, "“x”") { _ = try source.tensor(named: "x") }
    }
  }

  @Test("the index is written as Hugging Face's tools write it")
  func indexText() throws {
    try withDirectory { directory throws in
      _ = try Self.write(directory, limit: 32)
      let index = directory.appending(path: "model.safetensors.index.json")
      #expect(
        try String(contentsOf: index, encoding: .utf8) == """
          {
            "metadata": {
              "total_size": 440
            },
            "weight_map": {
              "a": "model-00001-of-00003.safetensors",
              "b": "model-00003-of-00003.safetensors",
              "big": "model-00002-of-00003.safetensors",
              "c": "model-00001-of-00003.safetensors",
              "d": "model-00003-of-00003.safetensors"
            }
          }

          """)
      #expect(try ShardIndex(reading: index).totalByteCount == 440)
    }
  }

  @Test("what fits one file is one file, without an index", arguments: [nil, 440, 1000])
  func single(limit: Int?) throws {
    try withDirectory { directory throws in
      #expect(try Self.write(directory, limit: limit).keys.sorted() == ["model.safetensors"])
      #expect(try openTensors(in: directory) is SafetensorsFile)
    }
  }

  @Test("an unfinished set of shards is refused, as are tensors of one name")
  func unfinished() throws {
    try withDirectory { directory throws in
      let writer = try ShardedWriter(in: directory, tensors: Self.specs, maximumShardByteCount: 1)
      expectFailure(.mismatchedTensor, "“c”") { _ = try writer.finish() }
      expectFailure(.invalidHeader, "same name") {
        _ = try ShardedWriter(
          in: directory, tensors: [TensorSpec("a", shape: [1]), TensorSpec("a", shape: [2])],
          maximumShardByteCount: 1)
      }
    }
  }

  @Test("missing shards, wrong maps and paths out of the directory are named")
  func damaged() throws {
    try withDirectory { directory throws in
      _ = try Self.write(directory, limit: 32)
      let index = directory.appending(path: "model.safetensors.index.json")
      func write(_ text: String) throws { try Data(text.utf8).write(to: index) }
      try write(#"{"weight_map": {"zz": "model-00001-of-00003.safetensors"}}"#)
      expectFailure(.invalidIndex, "“zz”", "model-00001") { _ = try openTensors(in: directory) }
      try write(#"{"weight_map": {"a": "model-00009-of-00003.safetensors"}}"#)
      expectFailure(.unreadableFile, "model-00009") { _ = try openTensors(in: directory) }
      for path in [
        "../model.safetensors", "/etc/passwd", "..", "", ".", "./", "a/../b", "./..", "a//b",
        "a\\\\b",
      ] {
        try write(#"{"weight_map": {"a": "\#(path)"}}"#)
        expectFailure(.invalidIndex, "not a file beside") { _ = try openTensors(in: directory) }
      }
      for text in ["", "[]", "{}", #"{"weight_map": {"a": 1}}"#] {
        try write(text)
        expectFailure(.invalidIndex, index.path) { _ = try openTensors(in: directory) }
      }
      try FileManager.default.removeItem(at: index)
      expectFailure(.unreadableFile, "neither", directory.path) {
        _ = try openTensors(in: directory)
      }
    }
  }

  @Test(
    "files by other spellings and in folders, and tensors that the index leaves out or misplaces")
  func asTransformers() throws {
    try withDirectory { directory throws in
      _ = try Self.write(directory, limit: 32)
      let index = directory.appending(path: "model.safetensors.index.json")
      let map = try ShardIndex(reading: index).fileOfTensor
      func rewrite(_ files: [String: String]) throws {
        let members = files.map { "\"\($0.key)\": \"\($0.value)\"" }.joined(separator: ", ")
        try Data("{\"weight_map\": {\(members)}}".utf8).write(to: index)
      }
      func expectWhole() throws {
        let source = try openTensors(in: directory)
        #expect(source.names == ["a", "c", "big", "d", "b"])
        for spec in Self.specs {
          let expected = counting(spec.shape, from: 1).floats
          #expect(try source.float32(named: spec.name).floats == expected)
        }
      }
      try rewrite(map.mapValues { "./" + $0 })
      try expectWhole()
      try rewrite(map.filter { $0.key != "b" })
      try expectWhole()
      try rewrite(map.merging(["a": map["b"] ?? ""]) { $1 })
      try expectWhole()
      let folder = directory.appending(path: "sub")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      for file in Set(map.values) {
        try FileManager.default.moveItem(
          at: directory.appending(path: file), to: folder.appending(path: file))
      }
      try rewrite(map.mapValues { "./sub/./" + $0 })
      try expectWhole()
    }
  }

  @Test("of two tensors of one name the last file's counts, whatever the index says")
  func twice() throws {
    try withDirectory { directory throws in
      for (file, names, value) in [("1", ["a"], Float(1)), ("2", ["a", "b"], 2)] {
        _ = try SafetensorsWriter.write(
          directory.appending(path: "\(file).safetensors"),
          tensors: names.map { TensorSpec($0, shape: [1]) }
        ) { _ in HostTensor([value], shape: [1]) }
      }
      let index = directory.appending(path: "model.safetensors.index.json")
      try Data(#"{"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}"#.utf8)
        .write(to: index)
      #expect(try openTensors(in: directory).float32(named: "a").floats == [2])
      try Data(#"{"weight_map": {"a": "1.safetensors", "b": "1.safetensors"}}"#.utf8)
        .write(to: index)
      expectFailure(.invalidIndex, "“b”") { _ = try openTensors(in: directory) }
    }
  }
}
