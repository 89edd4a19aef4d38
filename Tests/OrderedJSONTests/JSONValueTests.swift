// SPDX-License-Identifier: Apache-2.0
import OrderedJSON
import Testing

@Suite("Values and their writing") struct JSONValueTests {
  static let value: JSONValue = [
    "z": [1, "é\u{8}\u{C}\n\r\t\"\\/\u{1}\u{1F}\u{7F}🌳", []], "a": [:], "é": true, "n": .null,
    "x": .number("1e-05"), "m": ["k": [false]],
  ]

  @Test("Compact, to the byte")
  func compact() {
    let text =
      #"{"z":[1,"é\b\f\n\r\t\"\\/\u0001\u001f"# + "\u{7F}"
      + #"🌳",[]],"a":{},"é":true,"n":null,"x":1e-05,"m":{"k":[false]}}"#
    #expect(String(decoding: Self.value.encoded(.compact), as: UTF8.self) == text)
  }

  @Test("Indented, to the byte")
  func indented() {
    let value: JSONValue = ["z": [1, "x", []], "a": [:], "m": ["k": [false]]]
    let text = """
      {
        "z": [
          1,
          "x",
          []
        ],
        "a": {},
        "m": {
          "k": [
            false
          ]
        }
      }
      """
    #expect(String(decoding: value.encoded(.indented), as: UTF8.self) == text)
    #expect(JSONValue.null.encoded(.indented) == Array("null".utf8))
  }

  @Test("What is written reads back as the same", arguments: [JSONValue.Layout.compact, .indented])
  func roundTrip(layout: JSONValue.Layout) throws {
    let bytes = Self.value.encoded(layout)
    let again = try JSONValue(parsing: bytes)
    #expect(again == Self.value)
    #expect(again.hashValue == Self.value.hashValue)
    #expect(again.encoded(layout) == bytes)
    for scalar in UInt32(0)..<0x3000 {
      guard let scalar = Unicode.Scalar(scalar) else { continue }
      let value = JSONValue.string("\(scalar)\(scalar)")
      #expect(try JSONValue(parsing: value.encoded(layout)) == value)
    }
  }

  @Test("Order, spelling and bytes make values different")
  func equality() {
    #expect(JSONValue.number("1") != .number("1.0"))
    #expect(JSONValue.string("é") != .string("e\u{301}"))
    #expect(["a": 1, "b": 2] as JSONValue != ["b": 2, "a": 1])
    #expect(["é": 1] as JSONValue != ["e\u{301}": 1])
    #expect(JSONValue.string("1") != 1)
    #expect(JSONValue.null != false)
    #expect(Set<JSONValue>([.string("é"), .string("e\u{301}"), .string("é"), 1, 1]).count == 3)
    // Of one text, however Swift stores it.
    let joined = String(repeating: "ab", count: 20)
    #expect(
      JSONValue.string(joined).hashValue == JSONValue.string("" + joined.dropFirst(0)).hashValue)
  }

  @Test("Numbers become text and text numbers")
  func numbers() {
    #expect(JSONValue(Int.min).integer == .min)
    #expect(JSONValue(1e-5) == .number("1e-05"))
    #expect(JSONValue(0.1).double == 0.1)
    #expect(JSONValue.number("9223372036854775808").integer == nil)
    #expect(JSONValue.number("9223372036854775808").double == 0x1p63)
    #expect(JSONValue.number("1e999").double == .infinity)
    #expect(JSONValue.string("1").integer == nil)
    #expect(JSONValue.string("1").double == nil)
    #expect((1 as JSONValue).text == nil)
    #expect((1 as JSONValue)["a"] == nil)
  }

  @Test("Members are read, replaced in place, appended and removed")
  func members() {
    var object = JSONObject([.init(key: "b", value: 1), .init(key: "a", value: 2)])
    object["b"] = 3
    object["c"] = nil
    #expect(object.members.map(\.key) == ["b", "a"])
    object["é"] = 4
    object["e\u{301}"] = 5
    #expect(object["é"] == 4)
    #expect(object.members.count == 4)
    object["a"] = nil
    #expect(object.members.map(\.value) == [3, 4, 5])
    // A scalar beyond the basic plane comes after all within: not the order of UTF-16.
    object["🌳"] = 6
    object["\u{FFFD}"] = 7
    #expect(object.sorted().members.map(\.value) == [3, 5, 4, 7, 6])
  }
}
