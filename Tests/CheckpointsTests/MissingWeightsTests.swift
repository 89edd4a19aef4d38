// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors
import Testing

@Suite("Weights that are not there") struct MissingWeightsTests {
  private func expectMissing(
    _ files: [String], _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try withDirectory { directory throws in
      for name in files { try Data("x".utf8).write(to: directory.appending(path: name)) }
      let error = #expect(throws: CheckpointsError.self, sourceLocation: sourceLocation) {
        try openTensors(in: directory)
      }
      #expect(error?.code == .unreadableFile, sourceLocation: sourceLocation)
      for word in words {
        #expect(
          error?.message.contains(word) == true, "\(error as Any)", sourceLocation: sourceLocation)
      }
    }
  }

  @Test("Files of other formats are named, with what to do")
  func otherFormats() throws {
    try expectMissing([], "holds neither model.safetensors nor model.safetensors.index.json")
    try expectMissing(
      ["config.json", "pytorch_model.bin"], "pytorch_model.bin is a pickle", "never read",
      "python -c \"import glob, torch; from safetensors.torch import save_file",
      "glob.glob('pytorch_model*.bin')", "weights_only=True")
    try expectMissing(["pytorch_model-00001-of-00002.bin"], "is a pickle", "pytorch_model*.bin")
    try expectMissing(["consolidated.00.pth"], "is a pickle", "glob.glob('consolidated.00.pth')")
    try expectMissing(["tiny.gguf"], "tiny.gguf is in llama.cpp's format", "gguf_file='tiny.gguf'")
    try expectMissing(["tf_model.h5"], "tf_model.h5 is in a format that is not read")
    try expectMissing(["weights.safetensors"], "name it model.safetensors")
    try expectMissing(["adapter_model.safetensors"], "an adapter, not a model", "merge")
    try expectMissing(
      ["model-00001-of-00002.safetensors"], "without their index", "model.safetensors.index.json")
  }

  @Test("Dead links of a cache are named with what they lead to")
  func deadLinks() throws {
    for name in ["model.safetensors", "model.safetensors.index.json"] {
      try withDirectory { directory throws in
        try FileManager.default.createSymbolicLink(
          atPath: directory.appending(path: name).path, withDestinationPath: "../../blobs/0123abc")
        expectFailure(.unreadableFile, name, "a link to ../../blobs/0123abc", "not there", "cp -rL")
        {
          _ = try openTensors(in: directory)
        }
      }
    }
  }

  @Test("A link to a blob that is there is followed")
  func links() throws {
    try withDirectory { directory throws in
      let blob = directory.appending(path: "blob")
      try file(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, dataByteCount: 4)
        .write(to: blob)
      try FileManager.default.createSymbolicLink(
        atPath: directory.appending(path: "model.safetensors").path, withDestinationPath: "blob")
      #expect(try openTensors(in: directory).names == ["a"])
    }
  }

  @Test("Shards that are missing are named all at once")
  func shards() throws {
    try withDirectory { directory throws in
      let files = (1...3).map { "model-0000\($0)-of-00003.safetensors" }
      let index = ShardIndex(
        fileOfTensor: ["a": files[0], "b": files[1], "c": files[2]], totalByteCount: nil)
      try Data(index.json.utf8).write(to: directory.appending(path: "model.safetensors.index.json"))
      try file(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, dataByteCount: 4)
        .write(to: directory.appending(path: files[0]))
      expectFailure(.unreadableFile, "2 of the 3 files", files[1], files[2]) {
        _ = try openTensors(in: directory)
      }
      try FileManager.default.createSymbolicLink(
        atPath: directory.appending(path: files[1]).path, withDestinationPath: "gone")
      expectFailure(.unreadableFile, files[1], "a link to gone") {
        _ = try openTensors(in: directory)
      }
    }
  }

  @Test("An index that names a tensor twice is refused; sizes may be texts or anything")
  func index() throws {
    try withDirectory { directory throws in
      let url = directory.appending(path: "model.safetensors.index.json")
      func read(_ text: String) throws -> ShardIndex {
        try Data(text.utf8).write(to: url)
        return try ShardIndex(reading: url)
      }
      expectFailure(.invalidIndex, "stands twice", "a") {
        _ = try read(#"{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}"#)
      }
      let sizes: [(String, Int?)] = [
        ("12", 12), ("12.0", 12), (#""12""#, 12), ("null", nil), (#""12 GB""#, nil), ("-1", nil),
        ("1e99", nil), ("NaN", nil), ("{}", nil),
      ]
      for (text, expected) in sizes {
        let index = try read(
          #"{"metadata": {"total_size": \#(text)}, "weight_map": {"a": "x.safetensors"}}"#)
        #expect(index.totalByteCount == expected, "\(text)")
        #expect(index.files == ["x.safetensors"])
      }
      for text in ["null", "{}", "[]", "3"] {
        #expect(
          try read(#"{"metadata": \#(text), "weight_map": {"a": "x.safetensors"}}"#)
            .totalByteCount == nil)
      }
    }
  }

  @Test("What only has the name of a safetensors file is told apart")
  func foreign() throws {
    for (text, word) in [
      ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"),
      ("PK\u{3}\u{4}archive/data.pkl", "a pickle"), ("GGUF\u{3}\u{0}\u{0}\u{0}\u{0}", "llama.cpp"),
      ("<!DOCTYPE html><html></html>", "a web page"),
    ] {
      expectFailure(.invalidHeader, word) { _ = try header(Data(text.utf8)) }
    }
  }
}
