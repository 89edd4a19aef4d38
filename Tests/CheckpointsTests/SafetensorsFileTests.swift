// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors
import Testing

@Suite("SafetensorsFile") struct SafetensorsFileTests {
  @Test("every type is read as the reference wrote it", arguments: DType.allCases)
  func everyType(dtype: DType) throws {
    let file = try SafetensorsFile(golden("every_type.safetensors"))
    let name = "every.\(dtype)"
    let view = try file.tensor(named: name)
    #expect(view.dtype == dtype && view.shape == [2, 3])
    #expect(DType(safetensorsName: dtype.safetensorsName) == dtype)
    if dtype.isFloatingPoint {
      #expect(try file.float32(named: name).floats == [0, 1, 2, 3, 4, 5])
    } else {
      let width = dtype.byteWidth
      let lowest = view.withUnsafeBytes { bytes in
        stride(from: 0, to: bytes.count, by: width).map { bytes[$0] }
      }
      #expect(lowest == (dtype == .bool ? [0, 1, 0, 1, 0, 1] : [0, 1, 2, 3, 4, 5]))
      expectFailure(.unsupportedType, name) { _ = try file.float32(named: name) }
    }
  }

  @Test("odd names are found, and come in the order of the file")
  func oddNames() throws {
    let file = try SafetensorsFile(golden("odd_names.safetensors"))
    #expect(file.metadata == ["format": "pt"])
    #expect(
      file.names == [
        "", "B", "a", "a.10", "a.9", "b", "bell\u{07}delete\u{7F}", "quote\"slash\\/", "scalar",
        "tab\tline\n\r\u{08}\u{0C}", "z", "é", "\u{FFFD}", "\u{1F333}", "half",
      ])
    #expect(try file.float32(named: "scalar").floats == [0])
  }

  @Test("an unknown type can be listed and copied, and is refused when it is loaded")
  func unknownType() throws {
    try withDirectory { directory throws in
      let url = directory.appending(path: "x.safetensors")
      let text = #"{"q":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]}}"#
      try CheckpointsTests.file(text, dataByteCount: 3).write(to: url)
      let file = try SafetensorsFile(url)
      #expect(file.names == ["q"])
      expectFailure(.unsupportedType, "“q”", "F8_E4M3", "BF16", url.path) {
        _ = try file.tensor(named: "q")
      }
      #expect(try file.withBytes(of: "q") { Array($0) } == [7, 7, 7])
    }
  }

  @Test("a missing tensor and a missing file are named")
  func missing() throws {
    let file = try SafetensorsFile(golden("nothing.safetensors"))
    expectFailure(.missingTensor, "“w”", "nothing.safetensors") {
      _ = try file.tensor(named: "w")
    }
    #expect(file.entry(named: "w") == nil)
    expectFailure(.unreadableFile, "gone.safetensors") {
      _ = try SafetensorsFile(golden("gone.safetensors"))
    }
  }

  @Test("views outlive the file object and the file")
  func lifetime() throws {
    try withDirectory { directory throws in
      let url = directory.appending(path: "x.safetensors")
      _ = try SafetensorsWriter.write(url, tensors: [TensorSpec("a", shape: [3])]) {
        counting($0.shape)
      }
      func view() throws -> TensorView { try SafetensorsFile(url).tensor(named: "a") }
      let kept = try view()
      try FileManager.default.removeItem(at: url)
      #expect(try kept.convertedToFloat32().floats == [0, 1, 2])
    }
  }

  @Test("a file that is cut while it is open is an error, and views of before stay")
  func cutWhileOpen() throws {
    try withDirectory { directory throws in
      let url = directory.appending(path: "x.safetensors")
      _ = try SafetensorsWriter.write(url, tensors: [TensorSpec("a", shape: [3000])]) {
        counting($0.shape)
      }
      let file = try SafetensorsFile(url)
      let view = try file.tensor(named: "a")
      #expect(truncate(url.path, 200) == 0)
      #expect(try view.convertedToFloat32().floats.prefix(3) == [0, 1, 2])
      expectFailure(.unreadableFile, url.path, "cut short") { _ = try file.tensor(named: "a") }
      expectFailure(.unreadableFile, url.path, "cut short") {
        try file.withBytes(of: "a") { _ in }
      }
    }
  }

  @Test("a directory or a pipe is refused by name, without waiting")
  func notAFile() throws {
    try withDirectory { directory throws in
      let pipe = directory.appending(path: "pipe.safetensors")
      #expect(mkfifo(pipe.path, 0o600) == 0)
      for url in [directory, pipe] {
        expectFailure(.unreadableFile, url.path, "not a regular file") {
          _ = try SafetensorsFile(url)
        }
      }
    }
  }
}
