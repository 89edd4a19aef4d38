// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation
import OrderedJSON
import Wording

/// A document in JSON: what this package keeps in files beside tensors and texts.
///
/// Types say how they are coded with `Codable`, best with ``FieldCoded``; what is wrong with a document
/// is told with its place in it, in this package's words.
package struct Document: Sendable {
  /// All of it.
  package var value: JSONValue

  /// A document of a value.
  package init(_ value: JSONValue) { self.value = value }

  /// Reads JSON in UTF-8.
  ///
  /// - Throws: ``DocumentError`` of code `malformed` that says where.
  package init(
    parsing data: Data, options: JSONScanner.Options = .init(repeatedKeys: .refused)
  ) throws(DocumentError) {
    let bytes = [UInt8](TextEncoding.withoutMark(data))
    do { value = try JSONValue(parsing: bytes, options: options) } catch {
      if let obstacle = TextEncoding.obstacle(in: data) {
        throw DocumentError(.malformed, obstacle, subject: "")
      }
      let end = min(error.offset, bytes.count)
      let lines = bytes[..<end].count { $0 == UInt8(ascii: "\n") }
      let start = bytes[..<end].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
      let place =
        lines == 0 ? "byte \(end + 1)" : "line \(lines + 1), column \(end - start + 1)"
      let problem =
        switch error.code {
        case .malformed: "not JSON: \(error.message)"
        case .nestedTooDeep: "the JSON \(error.message)"
        case .repeatedKey: "this key stands twice, the second time"
        }
      let isRepeated = error.code == .repeatedKey
      throw DocumentError(
        .malformed, "\(problem) at \(place)" + (isRepeated ? "; keep one" : ""),
        subject: isRepeated ? DocumentLines(bytes[..<end]).last.description : "")
    }
  }

  /// Checks the version of the document's format.
  ///
  /// - Parameter parent: where the document stands in a larger one.
  /// - Throws: ``DocumentError`` of code `unsupportedVersion` for one that is not read; another where
  ///   there is none.
  package func check(
    version known: ClosedRange<Int>, key: String = "formatVersion", at parent: DocumentPath = .root
  ) throws {
    guard case .object(let object) = value else {
      throw DocumentError(value, at: parent, expected: "a group of keys")
    }
    let path = parent.appending(key)
    guard let version = object[key] else { throw DocumentError(missing: path) }
    let number = try DocumentDecoder(version, at: path).decode(Int.self)
    guard known.contains(number) else {
      let range = known.count == 1 ? "" : " to \(known.upperBound)"
      throw DocumentError(
        .unsupportedVersion,
        "has format version \(number); this program reads \(known.lowerBound)\(range)", subject: "")
    }
  }

  /// The value that the document describes.
  ///
  /// - Parameter path: where the document stands in a larger one.
  /// - Throws: ``DocumentError``, and what the type's own checks throw.
  package func decode<Value: Decodable>(
    _ type: Value.Type = Value.self, at path: DocumentPath = .root
  ) throws -> Value {
    try DocumentDecoder(value, at: path).decode(type)
  }

  /// How numbers are spelled that are whole but need not be.
  package enum Numbers: Sendable {
    /// `1`, as Foundation writes them.
    case trimmed
    /// `1.0`, so that they stay numbers of their kind elsewhere.
    case exact
  }

  /// Describes a value, its keys in the order in which they are written.
  ///
  /// - Throws: ``DocumentError`` of code `invalidValue` for a number that is not finite.
  package init(of value: some Encodable, numbers: Numbers = .trimmed) throws {
    self.value = try DocumentEncoder.value(of: value, numbers: numbers)
  }

  /// The document's text: pretty-printed with sorted keys.
  package static func encoded(_ value: some Encodable) throws -> Data {
    Data(try Document(of: value).value.sorted().encoded(.spaced))
  }

  /// The document's text on one line with sorted keys.
  package static func line(_ value: some Encodable) throws -> Data {
    Data(try Document(of: value).value.sorted().encoded(.compact))
  }
}

extension DocumentError {
  /// The error for a value of another type, or out of range.
  package init(
    _ value: JSONValue, at path: DocumentPath, _ code: Code = .wrongType, expected: String
  ) {
    self.init(code, "\(value.shown); expected \(expected)", subject: path.description)
  }

  /// The error for a key that is not there.
  package init(missing path: DocumentPath, expected: String? = nil) {
    self.init(
      .missingKey, "this key is missing" + (expected.map { "; expected \($0)" } ?? ""),
      subject: path.description)
  }
}

extension JSONValue {
  /// The value in a message.
  package var shown: String {
    switch self {
    case .null: "there is no value"
    case .boolean(let value): "got \(value)"
    case .number(let spelling): "got \(spelling.excerpt)"
    case .string(let text): "got the text \"\(text.excerpt)\""
    case .array(let elements): elements.isEmpty ? "the list is empty" : "this is a list"
    case .object: "this is a group of keys"
    }
  }

  /// The value with the members of all its objects in the order of their keys.
  package func sorted() -> JSONValue {
    switch self {
    case .array(let elements): .array(elements.map { $0.sorted() })
    case .object(let object):
      .object(
        JSONObject(
          object.sorted().members.map { .init(key: $0.key, value: $0.value.sorted()) }))
    default: self
    }
  }
}
