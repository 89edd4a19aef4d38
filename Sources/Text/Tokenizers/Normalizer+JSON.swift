// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

extension Normalizer {
  /// Reads the part `normalizer`.
  init(json: JSONValue, subject: String) throws(TextError) {
    steps = try Self.steps(json, ComponentReader(subject: subject), depth: 0)
  }

  private static func steps(
    _ json: JSONValue, _ reader: ComponentReader, depth: Int
  ) throws(TextError) -> [Step] {
    var steps: [Step] = []
    for part in try reader.parts(json, "normalizer", list: "normalizers") {
      steps +=
        part["type"] == "Sequence" && depth < 8
        ? try Self.steps(part, reader, depth: depth + 1) : [try step(part, reader)]
    }
    return steps
  }

  private static func step(
    _ json: JSONValue, _ reader: ComponentReader
  ) throws(TextError) -> Step {
    let type = json["type"]?.text ?? "without type"
    if let form = UnicodeForm(rawValue: type) { return .form(form) }
    switch type {
    case "Prepend": return .prepend(try reader.content(json, "prepend", in: "normalizer"))
    case "Replace":
      guard case .text(let pattern) = try reader.pattern(json, in: "normalizer") else {
        throw reader.unsupported(
          "normalizer Replace with the expression \(json["pattern"]?["Regex"]?.summary ?? "")",
          supported: "Replace of a String")
      }
      return .replace(
        pattern: pattern, with: try reader.content(json, "content", in: "normalizer"))
    default:
      throw reader.unsupported(
        "normalizer \(type)", supported: "NFC, NFD, NFKC, NFKD, Prepend, Replace, Sequence")
    }
  }
}
