// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// Reads values of a `tokenizer.json` with errors that name the component.
struct ComponentReader {
  let subject: String

  /// A value that is not what it must be.
  func invalid(_ key: String, _ value: JSONValue, expected: String) -> TextError {
    TextError(
      .invalidTokenizer, "\(key) is \(value.summary); expected \(expected)", subject: subject)
  }

  /// A component that is well formed and not supported.
  func unsupported(_ component: String, supported: String) -> TextError {
    TextError(
      .unsupportedTokenizer,
      "\(component) is not supported; supported: \(supported). Byte-level BPE (GPT-2, Llama 3, "
        + "Qwen, SmolLM) and SentencePiece BPE with byte fallback (Llama 2, Mistral) can be read",
      subject: subject)
  }

  /// A Boolean member.
  func flag(
    _ json: JSONValue, _ key: String, in component: String, default standard: Bool
  ) throws(TextError) -> Bool {
    switch json[key] {
    case nil, .null?: return standard
    case .boolean(let value)?: return value
    case let value?: throw invalid("\(component).\(key)", value, expected: "true or false")
    }
  }

  /// A text member.
  func content(
    _ json: JSONValue, _ key: String, in component: String
  ) throws(TextError) -> [UInt8] {
    guard let content = json[key]?.bytes else {
      throw invalid("\(component).\(key)", json[key] ?? .null, expected: "text")
    }
    return content
  }

  /// A count, 0 where it is missing.
  func count(
    _ json: JSONValue, _ key: String, in component: String
  ) throws(TextError) -> Int {
    guard let value = (json[key] ?? 0).integer, value >= 0 else {
      throw invalid("\(component).\(key)", json[key] ?? .null, expected: "a count")
    }
    return value
  }

  /// The type of a component, and its parts where it is a sequence of others.
  func parts(_ json: JSONValue, _ component: String, list: String) throws(TextError) -> [JSONValue]
  {
    guard json["type"] == "Sequence" else { return json == .null ? [] : [json] }
    guard case .array(let parts)? = json[list] else {
      throw invalid("\(component).\(list)", json[list] ?? .null, expected: "an array")
    }
    return parts
  }

  /// The pattern of a `Replace` or `Split`.
  func pattern(_ json: JSONValue, in component: String) throws(TextError) -> Pattern {
    if let text = json["pattern"]?["String"]?.bytes {
      // The reference finds it between all characters.
      guard !text.isEmpty else {
        throw unsupported("\(component) with an empty pattern", supported: "patterns of characters")
      }
      return .text(text)
    }
    if let expression = json["pattern"]?["Regex"]?.text { return .expression(expression) }
    throw invalid(
      "\(component).pattern", json["pattern"] ?? .null,
      expected: "{\"String\": …} or {\"Regex\": …}")
  }

  /// What a `Replace` or `Split` looks for.
  enum Pattern {
    case text([UInt8])
    case expression(String)
  }
}
