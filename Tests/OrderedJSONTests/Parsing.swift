// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// The value that a text spells.
func parse(_ text: String, _ options: JSONScanner.Options = .init()) throws -> JSONValue {
  try JSONValue(parsing: Array(text.utf8), options: options)
}

/// Why a text is refused; nil where it is not.
func failure(_ text: String, _ options: JSONScanner.Options = .init()) -> OrderedJSONError? {
  failure(Array(text.utf8), options)
}

/// Why bytes are refused; nil where they are not.
func failure(_ bytes: [UInt8], _ options: JSONScanner.Options = .init()) -> OrderedJSONError? {
  do throws(OrderedJSONError) {
    _ = try JSONValue(parsing: bytes, options: options)
    return nil
  } catch { return error }
}
