// SPDX-License-Identifier: Apache-2.0
import OrderedJSON
import Testing

@Suite("Reading JSON") struct JSONScannerTests {
  @Test("Every kind of value, with white space wherever it may stand")
  func values() throws {
    let text =
      " \t\r\n{ \"a\" : [ null , true,false ] ,\"b\":{},\"\":[],\"c\":\"x\" , \"d\":-0.5e+3 } \n"
    let value = try parse(text)
    #expect(
      value == ["a": [.null, true, false], "b": [:], "": [], "c": "x", "d": .number("-0.5e+3")])
    #expect(value["a"] == [.null, true, false])
    #expect(value["e"] == nil)
    #expect(value["d"]?.double == -500)
    #expect(value["d"]?.integer == nil)
    #expect(value["c"]?.text == "x")
  }

  @Test(
    "Numbers keep their spelling",
    arguments: [
      "0", "-0", "7", "-12", "1.50", "1e5", "1E-05", "2e+10", "0.0", "0e0", "1e999",
      "9223372036854775808", "123456789012345678901234567890.123456789e-40",
    ])
  func numbers(spelling: String) throws {
    #expect(try parse(spelling) == .number(spelling))
    #expect(try parse("[\(spelling)]") == [.number(spelling)])
    #expect(try parse(spelling).double == Double(spelling))
    #expect(try parse(spelling).integer == Int(spelling))
  }

  @Test(
    "What is no number is refused",
    arguments: [
      "01", "-", "-01", "+1", ".5", "1.", "1.e5", "1e", "1e+", "0x10", "1a", "--1", "1.2.3", "1-2",
      "00", "1_0", "NaN", "Infinity", "-Infinity", "nan", "١",
    ])
  func notNumbers(text: String) {
    for text in [text, "[\(text)]", "{\"a\":\(text)}"] {
      #expect(failure(text)?.code == .malformed, "\(text)")
    }
  }

  @Test("Python's numbers that are not finite are read where they are allowed")
  func notFinite() throws {
    let options = JSONScanner.Options(allowsNonFiniteNumbers: true)
    let value = try parse("[NaN, Infinity, -Infinity, -1]", options)
    #expect(value == [.number("NaN"), .number("Infinity"), .number("-Infinity"), -1])
    for text in ["nan", "-NaN", "+Infinity", "Infinit", "NaNs", "inf"] {
      #expect(failure(text, options)?.code == .malformed, "\(text)")
    }
  }

  @Test(
    "Escapes are resolved",
    arguments: [
      (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
      (#""\u0041\u00e9\u20AC""#, "Aé€"), (#""\ud83c\udf33!""#, "🌳!"),
      (#""\uD800\uDC00""#, "\u{10000}"),
      (#""\udbff\udfff""#, "\u{10FFFF}"), (#""\u0000""#, "\0"), (#""\uffff""#, "\u{FFFF}"),
      (#""é🌳\n€""#, "é🌳\n€"), ("\"\u{7F}\"", "\u{7F}"), (#""""#, ""),
    ])
  func escapes(text: String, expected: String) throws {
    #expect(try parse(text).text.map { Array($0.utf8) } == Array(expected.utf8))
    // As a key as well.
    guard case .object(let object) = try parse("{\(text):1}") else { throw WrongKind() }
    #expect(object.members.map { Array($0.key.utf8) } == [Array(expected.utf8)])
  }

  @Test(
    "Damaged strings are refused, with the byte",
    arguments: [
      (#""\ud800""#, 7, "unpaired surrogate"), (#""\udc00""#, 7, "unpaired surrogate"),
      (#""\ud800\u0041""#, 13, "unpaired surrogate"), (#""\ud800\ud800""#, 13, "unpaired"),
      (#""\ud800\n""#, 7, "unpaired surrogate"), (#""\u12g4""#, 5, "hexadecimal"),
      (#""\u12"#, 5, "hexadecimal"), (#""\u+123""#, 3, "hexadecimal"), (#""\uｆ000""#, 3, "hexadec"),
      (#""\x""#, 2, "unknown escape"), (#""\U0041""#, 2, "unknown escape"),
      ("\"a\nb\"", 2, "control character"), ("\"\\n\u{0}\"", 3, "control character"),
      (#""abc"#, 4, "without an end"), (#""abc\"#, 5, "without an end"),
      (#"""#, 1, "without an end"),
      ("'a'", 0, "expected a value"),
    ])
  func damagedStrings(text: String, offset: Int, words: String) {
    let error = failure(text)
    #expect(error?.offset == offset)
    #expect(error?.message.contains(words) == true, "\(error as Any)")
    #expect(error?.description == "byte \(offset): \(error?.message ?? "")")
  }

  @Test(
    "Bytes that are not UTF-8 are refused, with the byte",
    arguments: [
      ([0xFF], 0), ([0x61, 0xC0, 0x80], 1), ([0x61, 0x62, 0xE2, 0x82], 2),
      ([0xED, 0xA0, 0x80], 0), ([0xF4, 0x90, 0x80, 0x80], 0), ([0xC3, 0xA9, 0x80], 2),
      ([0x5C, 0x6E, 0xC3, 0xA9, 0xFE], 4),
    ] as [([UInt8], Int)])
  func notUTF8(content: [UInt8], place: Int) {
    let error = failure([0x5B, 0x22] + content + [0x22, 0x5D])
    #expect(error?.message == "text that is not UTF-8")
    #expect(error?.offset == place + 2)
    #expect(failure([0x7B, 0x22] + content + [0x22, 0x3A, 0x31, 0x7D])?.offset == place + 2)
    // Outside of a string as well.
    #expect(failure(content + [0x31])?.code == .malformed)
  }

  @Test(
    "Structure that is wrong is refused, with the byte",
    arguments: [
      ("", 0), ("  ", 2), ("{", 1), ("[", 1), ("]", 0), ("}", 0), ("[1", 2), ("[1,", 3),
      ("[1,]", 3),
      ("[,1]", 1), ("[1 2]", 3), ("[1}", 2), ("{1:2}", 1), ("{\"a\"}", 4), ("{\"a\" 1}", 5),
      ("{\"a\":}", 5), ("{\"a\":1,}", 7), ("{\"a\":1", 6), ("{\"a\":1]", 6), ("{,}", 1),
      ("{a:1}", 1), ("1 1", 2), ("{}x", 2), ("nul", 0), ("nulll", 4), ("True", 0), ("[tru]", 1),
      ("1\u{FEFF}", 1), ("[\u{FEFF}1]", 1), ("1\u{A0}", 1), ("// 1", 0), ("[1,/**/2]", 3),
      ("\u{0}", 0), ("1\u{0}", 1),
    ])
  func structure(text: String, offset: Int) {
    #expect(failure(text)?.code == .malformed)
    #expect(failure(text)?.offset == offset)
  }

  @Test("A byte order mark before all else is passed over, and counted")
  func mark() throws {
    #expect(try JSONValue(parsing: Array("\u{FEFF} [1]".utf8)) == [1])
    #expect(failure("\u{FEFF}[1")?.offset == 5)
    #expect(failure("\u{FEFF}\u{FEFF}1")?.offset == 3)
  }

  @Test("Every truncation of a text is refused, and so is what follows its end")
  func truncations() throws {
    let text = Array(
      #"{"a": [1, -2.5e3, "é\u00e9\ud83c\udf33\n"], "b": {"c": [true, false, null]}}"#.utf8)
    #expect(throws: Never.self) { try JSONValue(parsing: text) }
    for count in 0..<text.count {
      let error = failure(Array(text[..<count]))
      #expect(error?.code == .malformed, "\(count)")
      #expect((0...count).contains(error?.offset ?? -1), "\(count)")
    }
    #expect(failure(text + [0x7D])?.offset == text.count)
  }

  @Test("A key that stands twice is kept or refused")
  func repeatedKeys() throws {
    let text = #"{"x": {"a": 1, "b": 2, "\u0061": 3}}"#
    let kept = try parse(text)
    guard case .object(let object)? = kept["x"] else { throw WrongKind() }
    #expect(object.members.map(\.key) == ["a", "b", "a"])
    #expect(object["a"] == 3)
    let options = JSONScanner.Options(repeatedKeys: .refused)
    let error = failure(text, options)
    #expect(error?.code == .repeatedKey)
    #expect(error?.message == "the key “a” stands twice in an object")
    #expect(throws: Never.self) { try parse(#"[{"a": {"a": 1}}, {"a": 1, "A": 2}]"#, options) }
    // Canonically equivalent, and yet different.
    #expect(throws: Never.self) { try parse(#"{"\u00e9": 1, "e\u0301": 2}"#, options) }
  }

  @Test("As Python reads it: the last of a key's values, and halves of surrogate pairs")
  func python() throws {
    let value = try parse(#"{"a": 1, "b": {"c": 1, "c": [2]}, "\u0061": NaN}"#, .python)
    #expect(value == ["a": .number("NaN"), "b": ["c": [2]]])
    let texts: [(String, String)] = [
      (#""\ud800""#, "\u{FFFD}"), (#""a\udc00b""#, "a\u{FFFD}b"),
      (#""\ud800\ud83d\ude00""#, "\u{FFFD}😀"), (#""\ud800\u0041""#, "\u{FFFD}A"),
      (#""\ud83d\ude00""#, "😀"), (#""\ud800\n""#, "\u{FFFD}\n"),
    ]
    for (text, expected) in texts {
      #expect(try parse(text, .python) == .string(expected), "\(text)")
    }
    for text in [#""\ud800\u12""#, #""\ud800\"#, #""\ud800"#] {
      #expect(failure(text, .python)?.code == .malformed)
    }
  }

  @Test("Nesting is limited")
  func nesting() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[{\"a\":", count: depth / 2) + "1"
        + String(repeating: "}]", count: depth / 2)
    }
    for limit in [2, 64, 128] {
      let options = JSONScanner.Options(nestingLimit: limit)
      #expect(throws: Never.self) { try parse(nested(limit), options) }
      let error = failure(nested(limit + 2), options)
      #expect(error?.code == .nestedTooDeep)
      #expect(error?.message == "nests deeper than \(limit) levels")
    }
    #expect(failure("[]", .init(nestingLimit: 0))?.code == .nestedTooDeep)
    #expect(try parse("1", .init(nestingLimit: 0)) == 1)
    for open in ["[", "{\"a\":"] {
      #expect(failure(String(repeating: open, count: 1_000_000))?.code == .nestedTooDeep)
    }
    // Side by side is not within.
    #expect(throws: Never.self) { try parse("[[],[[]],[]]", .init(nestingLimit: 3)) }
  }

  @Test("Parts are taken one by one")
  func parts() throws {
    var scanner = JSONScanner(Array(#" {"a": [1, 2], "b": [], "c": "x"} "#.utf8))
    var keys: [String] = []
    var numbers: [String] = []
    var hasMember = try scanner.beginObject()
    while hasMember {
      keys.append(try scanner.key())
      if keys.last == "c" {
        #expect(try scanner.string() == "x")
      } else {
        var hasElement = try scanner.beginArray()
        while hasElement {
          numbers.append(try scanner.number())
          hasElement = try scanner.nextElement()
        }
      }
      hasMember = try scanner.nextMember()
    }
    try scanner.end()
    #expect(keys == ["a", "b", "c"])
    #expect(numbers == ["1", "2"])

    scanner = JSONScanner(Array("[1]".utf8))
    #expect(throws: OrderedJSONError.self) { try scanner.beginObject() }
    #expect(throws: OrderedJSONError.self) { try scanner.string() }
    #expect(throws: OrderedJSONError.self) { try scanner.number() }
    #expect(scanner.offset == 0)
    #expect(try scanner.value() == [1])
    #expect(scanner.failure("here").offset == 3)
  }

  private struct WrongKind: Error {}
}
