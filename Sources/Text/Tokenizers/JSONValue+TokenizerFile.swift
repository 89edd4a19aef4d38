// SPDX-License-Identifier: Apache-2.0
import Documents
import Foundation
import OrderedJSON
import Wording

extension JSONValue {
  /// Reads the value that a tokenizer's file spells; `subject` names the file in errors.
  ///
  /// Files that Python reads may hold what its `json` takes.
  init(tokenizerFile data: Data, subject: String, isPython: Bool = false) throws(TextError) {
    let options = isPython ? .python : JSONScanner.Options()
    do { self = try Document(parsing: data, options: options).value } catch {
      throw TextError(.invalidTokenizer, error, subject: subject)
    }
  }

  /// The text that UTF-8 bytes spell.
  init(bytes: [UInt8]) { self = .string(String(decoding: bytes, as: UTF8.self)) }

  /// The UTF-8 bytes of a text; nil for any other value.
  var bytes: [UInt8]? { text.map { Array($0.utf8) } }

  /// A few words that name the value in messages.
  var summary: String {
    switch self {
    case .null: "null"
    case .boolean(let value): "\(value)"
    case .number(let spelling): integer.map(String.init) ?? double.map { "\($0)" } ?? spelling
    case .string(let text): "\"\(String(decoding: text.utf8.prefix(60), as: UTF8.self))\""
    case .array(let elements): "an array of \(elements.count)"
    case .object(let object): "an object of \(counted(object.members.count, "member"))"
    }
  }
}
