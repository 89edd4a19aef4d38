// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// JSON laid out for people: a value that fits a line stands on one, a longer one is broken up.
enum FittedJSON {
  /// Columns of a line.
  private static let width = 100

  /// The text of a value.
  static func text(_ value: JSONValue, indentation: Int = 0) -> String {
    let line = String(decoding: value.encoded(.compact), as: UTF8.self)
    if indentation + line.utf8.count <= width { return line }
    let inner = String(repeating: " ", count: indentation + 2)
    let end = "\n" + String(repeating: " ", count: indentation)
    switch value {
    case .array(let elements):
      let lines = elements.map { inner + text($0, indentation: indentation + 2) }
      return "[\n" + lines.joined(separator: ",\n") + end + "]"
    case .object(let object):
      let lines = object.members.map { member in
        let key = String(decoding: JSONValue.string(member.key).encoded(.compact), as: UTF8.self)
        return "\(inner)\(key): \(text(member.value, indentation: indentation + 2))"
      }
      return "{\n" + lines.joined(separator: ",\n") + end + "}"
    default: return line
    }
  }
}
