// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON
import SeededRandom
import Testing

/// Texts changed at random must read or throw; a crash ends the whole test run.
@Suite("Hostile JSON") struct JSONFuzzTests {
  static let fragments =
    [
      "9223372036854775808", "-", "1e", "0", "[", "]", "{", "}", "\"", "\\", "\\u", "\\ud800",
      "\\udc00", ",", ":", "null", "tru", "NaN", "-Infinity", "\"a\":", "\u{0}", " ", "\u{E9}",
      "[[[[[[[[[[[[[[[[[[[[", "\\u00e9",
    ].map { Array($0.utf8) } + [[0xFF], [0xED, 0xA0, 0x80], [0xC3]]

  static let original = Array(
    #"{"a": [1, -2.5e3, "é\u00e9\ud83c\udf33\n"], "b": {"c": [true, false, null, {}], "a": ""}}"#
      .utf8)

  static func mutate(_ random: inout SplitMix64) -> [UInt8] {
    var bytes = original
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      guard !bytes.isEmpty else { break }
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
      case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: bytes.removeSubrange(place..<min(bytes.count, place + 3))
      case 3: bytes.removeLast(Int.random(in: 0...min(bytes.count, 30), using: &random))
      case 4: bytes.insert(contentsOf: fragments.randomElement(using: &random) ?? [], at: place)
      default: bytes.swapAt(place, Int.random(in: 0..<bytes.count, using: &random))
      }
    }
    return bytes
  }

  @Test("Fifty thousand mutated texts read or throw, and Foundation agrees which")
  func mutations() throws {
    var random = SplitMix64(seed: 2024)
    var accepted = 0
    let options = JSONScanner.Options(nestingLimit: 64)
    for round in 0..<50_000 {
      let bytes = Self.mutate(&random)
      do throws(OrderedJSONError) {
        let value = try JSONValue(parsing: bytes, options: options)
        accepted += 1
        for layout in [JSONValue.Layout.compact, .indented] {
          #expect((try? JSONValue(parsing: value.encoded(layout))) == value)
        }
        if round.isMultiple(of: 8) { #expect(Self.foundationAccepts(bytes), "\(bytes)") }
      } catch {
        #expect((0...bytes.count).contains(error.offset))
        if round.isMultiple(of: 8), error.code == .malformed {
          #expect(!Self.foundationAccepts(bytes) || Self.isKnownDifference(bytes), "\(bytes)")
        }
      }
      // The other options cannot crash either.
      _ = try? JSONValue(
        parsing: bytes, options: .init(allowsNonFiniteNumbers: true, repeatedKeys: .refused))
    }
    #expect(accepted > 1000 && accepted < 49_000, "\(accepted)")
  }

  /// Whether Foundation's parser reads the bytes.
  private static func foundationAccepts(_ bytes: [UInt8]) -> Bool {
    (try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil
  }

  /// Foundation takes a comma before the end of a list, on some systems, and UTF-16 and UTF-32,
  /// which it knows by zero bytes or a mark.
  private static func isKnownDifference(_ bytes: [UInt8]) -> Bool {
    let visible = bytes.filter { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }
    let endsAfterComma = zip(visible, visible.dropFirst()).contains {
      $0 == UInt8(ascii: ",") && ($1 == UInt8(ascii: "]") || $1 == UInt8(ascii: "}"))
    }
    return endsAfterComma || bytes.prefix(4).contains(0)
      || [[0xFE, 0xFF], [0xFF, 0xFE]].contains(Array(bytes.prefix(2)))
  }

  @Test("Random bytes never crash")
  func noise() {
    var random = SplitMix64(seed: 5)
    let alphabet = Array("{}[]\",:\\u0123456789abcdefn-+.eE \u{E9}".utf8)
    for _ in 0..<20_000 {
      let count = Int.random(in: 0..<40, using: &random)
      let bytes = (0..<count).map { _ in alphabet.randomElement(using: &random) ?? 0 }
      _ = try? JSONValue(parsing: bytes)
      var scanner = JSONScanner(bytes)
      _ = try? scanner.number()
      _ = try? scanner.key()
      _ = try? scanner.nextMember()
      _ = try? scanner.string()
      #expect((0...count).contains(scanner.offset))
    }
  }

  @Test("A hundred thousand members, and a text of a megabyte, are read whole")
  func large() throws {
    let members = (0..<100_000).map { "\"token\($0)\":\($0)" }
    let options = JSONScanner.Options(repeatedKeys: .refused)
    let value = try parse("{\(members.joined(separator: ","))}", options)
    guard case .object(let object) = value else {
      Issue.record("no object")
      return
    }
    #expect(object.members.count == 100_000)
    #expect(object.members.last?.key == "token99999")
    #expect(object.members.last?.value == 99_999)
    let text = String(repeating: "é\n\u{1F333}", count: 100_000)
    #expect(try JSONValue(parsing: JSONValue.string(text).encoded(.compact)).text == text)
  }
}
