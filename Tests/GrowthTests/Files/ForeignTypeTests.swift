// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import GoldenModels
import Growth
import Tensors
import Testing
import Training

@Suite("Tensors that are no real numbers") struct ForeignTypeTests {
  /// A model whose first block's first matrix has one byte an element, of a type that nobody computes
  /// with.
  private func write(_ type: String, to folder: URL) throws -> (name: String, bytes: Data) {
    let golden = GoldenModel.all[1]
    let small = try golden.directory()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: golden.url.appending(path: "config.json"), to: folder.appending(path: "config.json"))
    let quantised = "model.layers.0.self_attn.q_proj.weight"
    var (offset, data) = (0, Data())
    var header: [String: Any] = [:]
    var kept = Data()
    for entry in small.tensors.entries {
      var bytes = try small.tensors.tensor(named: entry.name).withUnsafeBytes { Data($0) }
      if entry.name == quantised {
        bytes = Data((0..<entry.shape.elementCount).map { UInt8(truncatingIfNeeded: $0 &* 37) })
        kept = bytes
      }
      header[entry.name] = [
        "dtype": entry.name == quantised ? type : entry.dtypeName, "shape": entry.shape.extents,
        "data_offsets": [offset, offset + bytes.count],
      ]
      offset += bytes.count
      data += bytes
    }
    let json = try JSONSerialization.data(withJSONObject: header)
    var file = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) }
    file += json + data
    try file.write(to: folder.appending(path: "model.safetensors"))
    return (quantised, kept)
  }

  @Test(
    "are copied byte for byte where nothing is done to them", arguments: ["F8_E4M3", "I8", "U8"])
  func copied(_ type: String) throws {
    let folder = TestFolder()
    let (name, bytes) = try write(type, to: folder["small"])
    let growth = try ModelGrowth(
      of: GrowthSource(reading: folder["small"]),
      by: DepthGrowth(factor: 2, placement: .appended))
    for output in [
      ModelGrowth.Output(), ModelGrowth.Output(type: .bfloat16, maximumShardByteCount: 1000),
    ] {
      var output = output
      output.overwrites = true
      try growth.write(to: folder["large"], output)
      let tensors = try openTensors(in: folder["large"])
      let count = growth.source.model.layerCount
      for copy in [name, name.replacing("layers.0", with: "layers.\(count)")] {
        let location = try #require(tensors.location(of: copy))
        #expect(location.entry.dtypeName == type)
        let file = try Data(contentsOf: location.file)
        #expect(file[location.offset..<location.offset + location.entry.byteCount] == bytes)
      }
      try CheckpointDirectory.verify(folder["large"])
    }
  }

  @Test("are refused by name and type where a growth would compute", arguments: ["F8_E4M3", "I8"])
  func refused(_ type: String) throws {
    let folder = TestFolder()
    let (name, _) = try write(type, to: folder["small"])
    let growth = try ModelGrowth(
      of: GrowthSource(reading: folder["small"]), by: WidthGrowth(factor: 2))
    let error = #expect(throws: GrowthError.self) { try growth.write(to: folder["large"]) }
    #expect(error?.code == .unsupported && error?.subject == name)
    #expect(error?.message.contains(type) == true)
    #expect(folder.names == ["small"])
  }

  @Test("tensors that the program does not know are listed")
  func unknown() throws {
    let folder = TestFolder()
    _ = try write("U8", to: folder["small"])
    let file = folder["small"].appending(path: "model.safetensors")
    var data = try Data(contentsOf: file)
    let name = try #require(data.range(of: Data("mlp.up_proj".utf8)))
    data.replaceSubrange(name, with: Data("mlp.xx_proj".utf8))
    try data.write(to: file)
    let error = #expect(throws: ArchitecturesError.self) {
      try GrowthSource(reading: folder["small"])
    }
    #expect(error?.message.contains("mlp.xx_proj") == true)
    #expect(error?.message.contains("mlp.up_proj") == true)
  }

  @Test("only some tensors, by patterns of their names")
  func only() throws {
    let folder = TestFolder()
    let golden = GoldenModel.all[1]
    try FileManager.default.createDirectory(
      at: folder["small"], withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        at: golden.url.appending(path: name), to: folder["small"].appending(path: name))
    }
    let growth = try ModelGrowth(
      of: GrowthSource(reading: folder["small"]), by: WidthGrowth(factor: 2))
    try growth.write(
      to: folder["part"], ModelGrowth.Output(only: ["*.mlp.*", "model.norm.weight"]))
    let names = try openTensors(in: folder["part"]).names
    #expect(!names.isEmpty)
    #expect(names.allSatisfy { $0.contains(".mlp.") || $0 == "model.norm.weight" })
    #expect(
      try GrowthReceipt(reading: folder["part"]).files?.only == ["*.mlp.*", "model.norm.weight"])
    try growth.write(to: folder["whole"])
    let (whole, part) = (try openTensors(in: folder["whole"]), try openTensors(in: folder["part"]))
    for name in names {
      #expect(
        HostTensor(copying: try whole.tensor(named: name)).data
          == HostTensor(copying: try part.tensor(named: name)).data)
    }
    let error = #expect(throws: GrowthError.self) {
      try growth.write(to: folder["none"], ModelGrowth.Output(only: ["*.mpl.*"]))
    }
    #expect(error?.code == .invalidOptions && error?.message.contains("*.mpl.*") == true)
  }
}
