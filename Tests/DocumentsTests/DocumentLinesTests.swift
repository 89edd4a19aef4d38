// SPDX-License-Identifier: Apache-2.0
import Documents
import Foundation
import OrderedJSON
import Testing

@Suite("Places in a document's text")
struct DocumentLinesTests {
  private let text = """
    {"a": 1,
     "list": [
       {"b": "x\\"{[", "c": [true,
         null]},
       -1e3],

     "empty": {}, "none": []
    }
    """

  @Test("each value stands on its line, and what is missing on that of what it would stand in")
  func lines() {
    let lines = DocumentLines(Data(text.utf8))
    for (place, line) in [
      ("", 1), ("a", 1), ("list", 2), ("list[0]", 3), ("list[0].b", 3), ("list[0].c[0]", 3),
      ("list[0].c[1]", 4), ("list[1]", 5), ("empty", 7), ("none", 7), ("list[0].d", 3),
      ("list[7].x.y", 2), ("empty.x", 7), ("nothing", 1),
    ] {
      #expect(lines.line(of: place) == line, "\(place)")
    }
  }

  @Test("each value has its bytes, also after a byte order mark")
  func extents() throws {
    for mark in [[UInt8](), [0xEF, 0xBB, 0xBF]] {
      let bytes = mark + Array(text.utf8)
      let lines = DocumentLines(Data(bytes))
      for (place, value) in [
        ("a", "1"), ("list[1]", "-1e3"), ("list[0].b", #""x\"{[""#), ("empty", "{}"),
        ("none", "[]"),
        ("list[0].c", "[true,\n     null]"),
      ] {
        let extent = try #require(lines.extent(of: place), "\(place)")
        #expect(String(decoding: bytes[extent], as: UTF8.self) == value, "\(place)")
      }
      #expect(lines.extent(of: "b") == nil)
    }
  }

  @Test("text that is no JSON ends the search, however deep it is")
  func damaged() {
    for text in ["", "{", "[1,", "{\"a\": tru", "{\"a\"", "}{", "{\"a\": 1 2}"] {
      let lines = DocumentLines(Data(text.utf8))
      #expect(lines.line(of: "a") == 1 && lines.line(of: "b.c") == 1, "\(text)")
    }
    let deep = DocumentLines(Data(String(repeating: "[", count: 1 << 20).utf8))
    #expect(deep.line(of: "[0][0]") == 1)
  }

  @Test("a key that stands twice is told with its path and both lines")
  func twice() {
    let text = "{\"a\": [{\"b\": 1},\n {\"b\": 2,\n  \"c\": {\"d\": 1,\n \"d\": 2}}]}"
    let error = #expect(throws: DocumentError.self) { try Document(parsing: Data(text.utf8)) }
    #expect(
      error.map { "\($0.placed(in: Data(text.utf8), file: "f.json"))" }
        == "f.json:3: a[1].c.d: this key stands twice, the second time at line 4, column 6; keep one"
    )
  }

  @Test("members of dictionaries are written in the order of their keys")
  func order() throws {
    struct Fields: FieldCoded, Equatable {
      var names: [String: Int]

      init(names: [String: Int]) { self.names = names }
      init(_ fields: FieldCoder, of old: Fields?) throws {
        names = try fields.required("names", old?.names)
      }
    }
    let keys = (0..<40).map { "k\($0)" } + ["ä", "Z", ""]
    let fields = Fields(names: Dictionary(keys.enumerated().map { ($1, $0) }) { first, _ in first })
    let document = try Document(of: fields)
    guard case .object(let object)? = document.value["names"] else {
      Issue.record("no object")
      return
    }
    #expect(
      object.members.map(\.key)
        == keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    #expect(try document.decode() == fields)
  }
}
