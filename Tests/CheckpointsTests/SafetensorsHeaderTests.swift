// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors
import Testing

@Suite("SafetensorsHeader") struct SafetensorsHeaderTests {
  @Test("reads names, types, shapes, offsets and remarks in both orders")
  func reads() throws {
    let text = """
      { "b\\u00e9\\ud83c\\udf33" : {"shape":[2,1],"dtype":"F16","data_offsets":[4,8]},
        "__metadata__": {"format":"pt", "x\\n": ""},
        "a":{"dtype":"I32","shape":[],"data_offsets":[0,4]} }
      """
    let header = try header(file(text, dataByteCount: 8))
    #expect(header.entries.map(\.name) == ["bé🌳", "a"])
    #expect(header.entriesInFileOrder.map(\.name) == ["a", "bé🌳"])
    #expect(header.metadata == ["format": "pt", "x\n": ""])
    #expect(header.entry(named: "a")?.dtype == .int32)
    #expect(header.entry(named: "a")?.shape == [])
    #expect(header.entry(named: "bé🌳")?.dataOffsets == 4..<8)
    #expect(header.entry(named: "c") == nil)
    #expect(header.dataByteCount == 8)
  }

  @Test("an unknown type is listed by its name")
  func unknownType() throws {
    let text = #"{"q":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]}}"#
    let entry = try #require(try header(file(text, dataByteCount: 3)).entry(named: "q"))
    #expect(entry.dtype == nil && entry.dtypeName == "F8_E4M3" && entry.shape == [3])
  }

  @Test(
    "headers that break the format are refused with the reason",
    arguments: [
      // offsets
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#, "cut short"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, "not a range"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}"#, "not a range"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, "not a range"),
      (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#, "a hole"),
      (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, "accounts for 2"),
      (
        #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"#
          + #""b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#, "an overlap"
      ),
      (
        #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"#
          + #""b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, "an overlap"
      ),
      // shapes
      (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "do not hold"),
      (#"{"a":{"dtype":"F32","shape":[9223372036854775807,2],"data_offsets":[0,4]}}"#, "shape"),
      (#"{"a":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,4]}}"#, "hold"),
      (#"{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}}"#, "too large"),
      (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "whole number"),
      (#"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#, "whole number"),
      (#"{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}"#, "whole number"),
      (#"{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}"#, "whole number"),
      (#"{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}"#, "whole number"),
      // keys
      (#"{"a":{"dtype":"F32","shape":[1]}}"#, "lacks"),
      (#"{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "repeated"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}"#, "unexpected"),
      (
        #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"#
          + #""\u0061":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}}"#, "named twice"
      ),
      (#"{"__metadata__":{"a":"1","a":"2"}}"#, "stands twice"),
      (#"{"__metadata__":{},"__metadata__":{}}"#, "stands twice"),
      (#"{"__metadata__":{"a":1}}"#, "expected"),
      (#"{"__metadata__":nul}"#, "expected"),
      (#"{"__metadata__":null,"__metadata__":{}}"#, "stands twice"),
      // text
      (#"{"a":[]}"#, "expected"), ("{", "expected"), ("{}x", "expected the end"),
      (#"{"a"#, "without an end"), (#"{"\"#, "without an end"), (#"{"\x"#, "unknown escape"),
      (#"{"\ud800":{}}"#, "unpaired"), (#"{"\udc00":{}}"#, "unpaired"),
      (#"{"\ud800\u0041":{}}"#, "unpaired"), (#"{"\u12"#, "hexadecimal"),
      (#"{"\u12g4":{}}"#, "hexadecimal"), ("{\"a\nb\":{}}", "control character"),
      (#"{"a":{"dtype":"F32","shape":[1,],"data_offsets":[0,4]}}"#, "whole number"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},}"#, "expected"),
      (#" {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "begin"), ("[]", "begin"),
    ])
  func refused(text: String, reason: String) {
    expectFailure(.invalidHeader, reason, "test.safetensors") {
      _ = try header(file(text, dataByteCount: 4))
    }
  }

  @Test("lengths that the file cannot have are refused")
  func refusedLengths() throws {
    let whole = file(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, dataByteCount: 4)
    #expect(try header(whole).entries.count == 1)
    expectFailure(.invalidHeader, "3 bytes is too short") { _ = try header(Data([1, 2, 3])) }
    expectFailure(.invalidHeader, "0 bytes is too short") { _ = try header(Data()) }
    expectFailure(.invalidHeader, "cut short") { _ = try header(whole.prefix(20)) }
    expectFailure(.invalidHeader, "begin") { _ = try header(Data(count: 16)) }
    for length in [UInt64.max, UInt64(Int.max), 100_000_001] {
      var data = whole
      withUnsafeBytes(of: length.littleEndian) { data.replaceSubrange(0..<8, with: $0) }
      expectFailure(.invalidHeader, "limit", "\(length)") { _ = try header(data) }
    }
    for count in 0..<whole.count {
      expectFailure(.invalidHeader) { _ = try header(whole.prefix(count)) }
    }
    expectFailure(.invalidHeader, "accounts for 4") { _ = try header(whole + Data([0])) }
  }

  @Test("text that is not UTF-8 is refused")
  func notUTF8() {
    var data = file(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, dataByteCount: 4)
    data[10] = 0xFF
    expectFailure(.invalidHeader, "UTF-8") { _ = try header(data) }
  }

  @Test("a layout that cannot be written is refused")
  func refusedLayouts() throws {
    let twice = [TensorSpec("a", shape: [1]), TensorSpec("a", shape: [2])]
    expectFailure(.invalidHeader, "twice") { _ = try SafetensorsHeader(tensors: twice) }
    expectFailure(.invalidHeader, "__metadata__") {
      _ = try SafetensorsHeader(tensors: [TensorSpec("__metadata__", shape: [1])])
    }
    let huge = Shape([Int.max / 8])
    expectFailure(.invalidHeader, "b") {
      _ = try SafetensorsHeader(tensors: [
        TensorSpec("a", shape: huge), TensorSpec("b", shape: huge),
      ])
    }
    expectFailure(.invalidHeader, "a") {
      _ = try SafetensorsHeader(tensors: [TensorSpec("a", shape: Shape([Int.max]))])
    }
  }

  @Test("several remarks are sorted by key")
  func sortedMetadata() throws {
    let header = try SafetensorsHeader(tensors: [], metadata: ["b": "2", "a": "1", "B": "3"])
    let text = String(decoding: header.json, as: UTF8.self)
    #expect(text == #"{"__metadata__":{"B":"3","a":"1","b":"2"}} "# + "     ")
    #expect(header.json.count % 8 == 0)
  }
}
