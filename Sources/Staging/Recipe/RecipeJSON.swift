// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON
import Training

extension JSONValue {
  /// The keys that have a value, in their order.
  static func keys(_ keys: [(String, JSONValue?)]) -> JSONValue {
    .object(JSONObject(keys.compactMap { key, value in value.map { .init(key: key, value: $0) } }))
  }

  static func duration(_ duration: TrainingDuration) -> JSONValue {
    .string(duration.description)
  }

  /// A path that no recipe's directory changes.
  static func file(_ url: URL) -> JSONValue {
    .string(url.absoluteURL.standardizedFileURL.path(percentEncoded: false))
  }

  static func files(_ urls: [URL]) -> JSONValue { .array(urls.map { .file($0) }) }
}

extension JSONValue {
  /// The value as recipes write it on one line.
  var recipeLine: String {
    switch self {
    case .object(let object):
      let members = object.members.map { "\($0.key): \($0.value.recipeLine)" }
      return "{\(members.joined(separator: ", "))}"
    case .string(let text), .number(let text): return text
    default: return String(decoding: encoded(.compact), as: UTF8.self)
    }
  }
}
