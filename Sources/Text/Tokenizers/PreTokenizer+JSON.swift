// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

extension PreTokenizer {
  /// Reads the part `pre_tokenizer`.
  init(json: JSONValue, subject: String) throws(TextError) {
    let reader = ComponentReader(subject: subject)
    var stages: [Stage] = []
    var last: String?
    for part in try Self.flattened(json, reader, depth: 0) {
      // Both respell the text: what follows would have to read the new spelling.
      if let last {
        throw reader.unsupported(
          "pre_tokenizer with \(part["type"]?.summary ?? "a part") after \(last)",
          supported: "\(last) as the last of a Sequence")
      }
      let type = part["type"]?.text ?? "without type"
      if type == "ByteLevel" || type == "Metaspace" { last = type }
      stages += try Self.stages(part, type, reader)
    }
    self.stages = stages
    isByteLevel = last == "ByteLevel"
  }

  private static func flattened(
    _ json: JSONValue, _ reader: ComponentReader, depth: Int
  ) throws(TextError) -> [JSONValue] {
    var result: [JSONValue] = []
    for part in try reader.parts(json, "pre_tokenizer", list: "pretokenizers") {
      if part["type"] == "Sequence" && depth < 8 {
        result += try flattened(part, reader, depth: depth + 1)
      } else {
        result.append(part)
      }
    }
    return result
  }

  private static func stages(
    _ json: JSONValue, _ type: String, _ reader: ComponentReader
  ) throws(TextError) -> [Stage] {
    let name = "pre_tokenizer"
    switch type {
    case "ByteLevel":
      let addsSpace = try reader.flag(json, "add_prefix_space", in: name, default: true)
      let usesPattern = try reader.flag(json, "use_regex", in: name, default: true)
      return (addsSpace ? [.prefixSpace] : []) + (usesPattern ? [.words(.gpt2)] : [])
    case "Split":
      if case .text(let text) = try reader.pattern(json, in: name) {
        return [.split(try PreTokenizer.TextSplit(at: text, json, reader))]
      }
      return [.words(try wordPattern(json, reader))]
    case "Digits":
      let individually = try reader.flag(json, "individual_digits", in: name, default: false)
      return [.digits(individually: individually)]
    case "Metaspace": return [.metaspace(try Metaspace(json: json, reader: reader))]
    default:
      throw reader.unsupported(
        "pre_tokenizer \(type)", supported: "ByteLevel, Split, Digits, Metaspace, Sequence")
    }
  }

  /// The pattern of a `Split`; each known one matches every character, so that to keep the matches
  /// apart and to remove what lies between them are the same.
  private static func wordPattern(
    _ json: JSONValue, _ reader: ComponentReader
  ) throws(TextError) -> WordPattern {
    guard case .expression(let expression) = try reader.pattern(json, in: "pre_tokenizer"),
      let pattern = WordPattern(regularExpression: expression)
    else {
      throw reader.unsupported(
        "pre_tokenizer Split by \(json["pattern"]?["Regex"]?.summary ?? "")",
        supported: "a String, and the expressions of GPT-2, Llama 3, Qwen 2 and Qwen 3.5")
    }
    let inverts = try reader.flag(json, "invert", in: "pre_tokenizer", default: false)
    let behavior = json["behavior"]?.text ?? ""
    guard (behavior == "Isolated" && !inverts) || (behavior == "Removed" && inverts) else {
      throw reader.unsupported(
        "pre_tokenizer Split with behavior '\(behavior)', invert \(inverts)",
        supported: "behavior Isolated")
    }
    return pattern
  }
}

extension PreTokenizer.TextSplit {
  fileprivate init(
    at text: [UInt8], _ json: JSONValue, _ reader: ComponentReader
  ) throws(TextError) {
    self.text = text
    inverts = try reader.flag(json, "invert", in: "pre_tokenizer", default: false)
    guard let behavior = json["behavior"]?.text.flatMap(Behavior.init(rawValue:)) else {
      throw reader.invalid(
        "pre_tokenizer.behavior", json["behavior"] ?? .null,
        expected: "one of " + Behavior.allCases.map(\.rawValue).joined(separator: ", "))
    }
    self.behavior = behavior
  }
}

extension PreTokenizer.Metaspace {
  /// Reads a `Metaspace`, also as older files spell it.
  fileprivate init(json: JSONValue, reader: ComponentReader) throws(TextError) {
    replacement = try reader.content(json, "replacement", in: "pre_tokenizer")
    guard !replacement.isEmpty else {
      throw reader.invalid(
        "pre_tokenizer.replacement", JSONValue(bytes: replacement), expected: "a character")
    }
    splits = try reader.flag(json, "split", in: "pre_tokenizer", default: true)
    if let scheme = json["prepend_scheme"], scheme != .null {
      guard let prefix = scheme.text.flatMap(Prefix.init(rawValue:)) else {
        throw reader.invalid(
          "pre_tokenizer.prepend_scheme", scheme, expected: "always, first or never")
      }
      self.prefix = prefix
    } else {
      let adds = try reader.flag(json, "add_prefix_space", in: "pre_tokenizer", default: true)
      prefix = adds ? .always : .never
    }
  }
}
