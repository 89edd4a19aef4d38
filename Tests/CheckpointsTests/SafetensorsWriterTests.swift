// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import SeededRandom
import Tensors
import Testing

@Suite("SafetensorsWriter") struct SafetensorsWriterTests {
  /// The specs of a file's tensors in an order that is not the file's.
  static func shuffledSpecs(of file: SafetensorsFile) throws -> [TensorSpec] {
    var random = SplitMix64(seed: 3)
    return try file.entries.map { entry in
      TensorSpec(entry.name, dtype: try #require(entry.dtype), shape: entry.shape)
    }.shuffled(using: &random)
  }

  @Test(
    "files of the Hugging Face library come back to the byte, in its own layout",
    arguments: ["every_type", "odd_names", "nothing", "empty_remarks"])
  func identicalToReference(name: String) throws {
    let url = try golden("\(name).safetensors")
    let source = try SafetensorsFile(url)
    // The library writes no remarks and empty ones differently.
    let metadata = name == "every_type" ? nil : source.metadata
    try withDirectory { directory throws in
      let copy = directory.appending(path: "copy.safetensors")
      let writer = try SafetensorsWriter(
        copy, tensors: Self.shuffledSpecs(of: source), metadata: metadata)
      while let next = writer.next {
        try writer.append(source.tensor(named: next.name), named: next.name)
      }
      let digest = try writer.finish()
      let expected = try Data(contentsOf: url)
      #expect(try Data(contentsOf: copy) == expected)
      #expect(digest == FileDigest(of: expected))
      #expect(try names(in: directory) == ["copy.safetensors"])
    }
  }

  @Test("a file of another order and other spaces comes back to the byte under its own header")
  func likeAnother() throws {
    let text = """
      {"z": {"data_offsets":[4,8],"dtype":"F32","shape":[1]}, "__metadata__":{"b":"1","a":"2"},
       "a": {"shape":[2],"dtype":"BF16","data_offsets":[0,4]}}\n
      """
    let original = file(text, dataByteCount: 8)
    try withDirectory { directory throws in
      let source = directory.appending(path: "source.safetensors")
      try original.write(to: source)
      try AtomicDirectory.write(to: directory.appending(path: "out")) { _ in }
      try CheckpointDirectory.write(to: directory.appending(path: "out")) { writer in
        try writer.writeTensors("model", copying: SafetensorsFile(source))
      }
      let copy = directory.appending(path: "out/model.safetensors")
      #expect(try Data(contentsOf: copy) == original)
    }
  }

  @Test("a real model comes back to the byte, both ways")
  func realModel() throws {
    let url = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../shared/data/stories260K/model.safetensors").standardizedFileURL
    guard FileManager.default.fileExists(atPath: url.path) else {
      print("skipped: no model at ../shared/data/stories260K")
      return
    }
    let source = try SafetensorsFile(url)
    let original = try Data(contentsOf: url)
    try withDirectory { directory throws in
      let copy = directory.appending(path: "copy.safetensors")
      for writer in [
        try SafetensorsWriter(copy, like: source.header),
        try SafetensorsWriter(
          copy, tensors: Self.shuffledSpecs(of: source), metadata: source.metadata),
      ] {
        while let next = writer.next {
          try writer.append(source.tensor(named: next.name), named: next.name)
        }
        _ = try writer.finish()
        #expect(try Data(contentsOf: copy) == original)
      }
    }
  }

  @Test("tensors written by rows are those written whole")
  func pieces() throws {
    try withDirectory { directory throws in
      let (whole, rows) = (directory.appending(path: "whole"), directory.appending(path: "rows"))
      let specs = [TensorSpec("a", shape: [100, 7]), TensorSpec("empty", shape: [0, 3])]
      let tensor = counting([100, 7])
      _ = try SafetensorsWriter.write(whole, tensors: specs) { entry in
        entry.name == "a" ? tensor : HostTensor(zeros: entry.shape)
      }
      let writer = try SafetensorsWriter(rows, tensors: specs)
      try tensor.withUnsafeBytes { bytes in
        for row in 0..<100 {
          try writer.append(
            bytes: UnsafeRawBufferPointer(rebasing: bytes[row * 28..<row * 28 + 28]), named: "a")
        }
      }
      try writer.append(HostTensor(zeros: [0, 3]), named: "empty")
      _ = try writer.finish()
      #expect(try Data(contentsOf: whole) == Data(contentsOf: rows))
      #expect(try SafetensorsFile(rows).float32(named: "a").floats == tensor.floats)
    }
  }

  @Test("tensors that were not announced, or not all given, are refused")
  func mismatches() throws {
    try withDirectory { directory throws in
      let url = directory.appending(path: "x.safetensors")
      func writer() throws -> SafetensorsWriter {
        try SafetensorsWriter(
          url, tensors: [TensorSpec("a", shape: [2]), TensorSpec("b", shape: [1])])
      }
      expectFailure(.mismatchedTensor, "“b”", "“a”") {
        try writer().append(counting([1]), named: "b")
      }
      expectFailure(.mismatchedTensor, "[3]", "[2]") {
        try writer().append(counting([3]), named: "a")
      }
      expectFailure(.mismatchedTensor, "F16", "F32") {
        try writer().append(HostTensor(zeros: [2], dtype: .float16), named: "a")
      }
      expectFailure(.mismatchedTensor, "“b”", "missing") {
        let writer = try writer()
        try writer.append(counting([2]), named: "a")
        _ = try writer.finish()
      }
      expectFailure(.mismatchedTensor, "complete") {
        let writer = try writer()
        try writer.append(counting([2]), named: "a")
        try writer.append(counting([1]), named: "b")
        try writer.append(counting([1]), named: "b")
      }
      expectFailure(.mismatchedTensor, "4 bytes to come") {
        let writer = try writer()
        let tensor = counting([2])
        try tensor.withUnsafeBytes { bytes in
          try writer.append(bytes: UnsafeRawBufferPointer(rebasing: bytes[..<4]), named: "a")
          try writer.append(bytes: bytes, named: "a")
        }
      }
      #expect(try names(in: directory).isEmpty)
    }
  }

  @Test("a mapped file may be replaced while it is read")
  func replaceMapped() throws {
    try withDirectory { directory throws in
      let url = directory.appending(path: "x.safetensors")
      let spec = [TensorSpec("a", shape: [100_000])]
      _ = try SafetensorsWriter.write(url, tensors: spec) { counting($0.shape) }
      let old = try SafetensorsFile(url)
      _ = try SafetensorsWriter.write(url, tensors: [TensorSpec("a", shape: [1])]) {
        counting($0.shape, from: 9)
      }
      #expect(try old.float32(named: "a").floats.last == 99_999)
      #expect(try SafetensorsFile(url).float32(named: "a").floats == [9])
    }
  }
}
