// SPDX-License-Identifier: Apache-2.0
import Documents
import Foundation
import OrderedJSON
import SeededRandom
import Testing

@Suite("Documents")
struct DocumentTests {
  enum Kind: String, Codable, CaseIterable { case small, large }
  enum Payload: Codable, Equatable {
    case none, count(Int)
    case both(x: Double, names: [String])
  }

  struct Everything: Codable, Equatable {
    var list: [Int] = []
    var table: [String: [String: Double]] = ["é": ["a": 1.5, "Z": 2, "10": 3, "2": 4], "e": [:]]
    var real = 1e-5
    var whole = 1.0
    var large = 1e22
    var negativeZero = -0.0
    var short: Float = 0.1
    var unsigned = UInt64.max
    var text = "\u{8}\u{C}\n\r\t\u{1}\u{1F}\u{7F}\u{2028}/\"\\é😀"
    var nested = [[1, 2], []]
    var missing: Int?
    var kind = Kind.small
    var payloads: [Payload] = [.none, .count(1), .both(x: 2, names: ["k"])]
  }

  @Test("writes the bytes that Foundation writes, in which files of before were written")
  func bytes() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    #expect(try Document.encoded(Everything()) == encoder.encode(Everything()))
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    #expect(try Document.line(Everything()) == encoder.encode(Everything()))
    var random = SplitMix64(seed: 7)
    for _ in 0..<2000 {
      let number = Double(bitPattern: random.next())
      guard number.isFinite else { continue }
      #expect(try Document.line([number]) == encoder.encode([number]), "\(number)")
      let short = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
      if short.isFinite { #expect(try Document.line([short]) == encoder.encode([short])) }
    }
  }

  @Test("reads back what it wrote, and what Foundation wrote")
  func roundTrip() throws {
    let value = Everything()
    #expect(try Document(parsing: Document.encoded(value)).decode() == value)
    #expect(try Document(parsing: JSONEncoder().encode(value)).decode() == value)
  }

  @Test(
    "says where and what is wrong",
    arguments: [
      ("", "not JSON: expected a value at byte 1"),
      ("{\n  \"list\": [1,]\n}", "not JSON: expected a value at line 2, column 14"),
      ("[]", "the list is empty; expected a group of keys"),
      ("{}", "list: this key is missing"),
      (#"{"list": [1, 2.5]}"#, "list[1]: got 2.5; expected an integer"),
      (
        #"{"list": [1e30]}"#, "list[0]: got 1e30; expected an integer from \(Int.min) to \(Int.max)"
      ),
      (#"{"list": "x\n"}"#, #"list: got the text "x\n"; expected a list"#),
      (
        #"{"list": [], "table": {"a": {"b": 1e999}}}"#,
        "table.a.b: got 1e999; expected a finite number"
      ),
      (
        #"{"list": [], "table": {"a": null}}"#,
        "table.a: there is no value; expected a group of keys"
      ),
    ])
  func mistakes(text: String, message: String) {
    let error = #expect(throws: DocumentError.self) {
      try Document(parsing: Data(text.utf8)).decode(Everything.self)
    }
    #expect(error?.description == message)
  }

  @Test("an enumeration's names are told, and Swift's words for them are not")
  func choices() {
    let error = #expect(throws: DocumentError.self) {
      try Document(parsing: Data(#"{"a": ["small", "huge"]}"#.utf8)).decode([String: [Kind]].self)
    }
    #expect(error?.description == "a[1]: got the text \"huge\"; expected one of small, large")
    #expect(error?.code == .invalidValue)
  }

  @Test("a number that is not finite is not written")
  func notFinite() {
    let error = #expect(throws: DocumentError.self) {
      try Document.encoded(["a": [1, Double.nan]])
    }
    #expect(error?.description == "a[1]: nan cannot be written; expected a finite number")
  }

  @Test("a version that is not read is told apart")
  func versions() throws {
    func code(_ text: String) throws -> DocumentError.Code? {
      let document = try Document(parsing: Data(text.utf8))
      do { try document.check(version: 1...2) } catch { return (error as? DocumentError)?.code }
      return nil
    }
    #expect(try code(#"{"formatVersion": 2}"#) == nil)
    #expect(try code(#"{"formatVersion": 3}"#) == .unsupportedVersion)
    #expect(try code(#"{"formatVersion": "2"}"#) == .wrongType)
    #expect(try code("{}") == .missingKey)
    #expect(try code("[1]") == .wrongType)
  }

  @Test("many members are found as few are")
  func manyMembers() throws {
    let table = Dictionary(uniqueKeysWithValues: (0..<1000).map { ("key \($0)", $0) })
    #expect(try Document(parsing: Document.line(table)).decode() == table)
  }
}

@Suite("Fields that are declared once")
struct FieldCodedTests {
  private struct Part: FieldCoded, Equatable {
    var source: Source
    var count: Int
    var factor: Double
    var note: String?

    init(_ fields: FieldCoder, of old: Part?) throws {
      source = try fields.inline(old?.source)
      count = try fields.integer("count", old?.count, in: 1...9)
      factor = try fields.field("factor", old?.factor, default: 1)
      note = try fields.optional("note", old?.note)
      try fields.remark("twice", old.map { $0.count * 2 })
    }

    init(_ source: Source, count: Int, factor: Double = 1, note: String? = nil) {
      (self.source, self.count, self.factor, self.note) = (source, count, factor, note)
    }
  }

  private enum Source: FieldCoded, Equatable {
    case units(Int), mean, new

    init(_ fields: FieldCoder, of old: Source?) throws {
      self = try fields.one(
        of: [.init("from", { .units($0) }) { if case .units(let n) = $0 { n } else { nil } }],
        or: "start", ["mean": .mean, "new": .new], old)
    }
  }

  @Test("are written in their order, without what is usual, and read back")
  func fields() throws {
    for (part, text) in [
      (Part(.units(3), count: 2), #"{"from":3,"count":2,"twice":4}"#),
      (
        Part(.mean, count: 9, factor: 0.5, note: "n"),
        #"{"start":"mean","count":9,"factor":0.5,"note":"n","twice":18}"#
      ),
    ] {
      let document = try Document(of: part)
      #expect(String(decoding: document.value.encoded(.compact), as: UTF8.self) == text)
      #expect(try document.decode() == part)
      // Other programs' encoders do as well.
      #expect(try JSONDecoder().decode(Part.self, from: JSONEncoder().encode(part)) == part)
    }
  }

  @Test(
    "are refused with their place",
    arguments: [
      (#"[{"from": 1, "count": 10}]"#, "[0].count: got 10; expected an integer from 1 to 9"),
      (
        #"[{"start": "old", "count": 1}]"#,
        "[0].start: \"old\" is unknown; expected one of mean, new"
      ),
      (#"[{"count": 1}]"#, "[0].from: this key is missing; expected it, or in its place start"),
      (
        #"[{"start": "new", "count": 1, "factor": true}]"#,
        "[0].factor: got true; expected a number"
      ),
    ])
  func mistakes(text: String, message: String) {
    let error = #expect(throws: DocumentError.self) {
      try Document(parsing: Data(text.utf8)).decode([Part].self)
    }
    #expect(error?.description == message)
  }
}
