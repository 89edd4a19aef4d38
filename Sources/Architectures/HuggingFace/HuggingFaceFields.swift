// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// The keys of a `config.json` that a model fixes.
enum HuggingFaceFields {
  /// One key with its value; nil where the key is not to be written.
  struct Field: Sendable, Hashable {
    var key: String
    var value: JSONValue?
    /// When the key belongs in a file.
    var condition: Condition

    init(_ key: String, _ value: JSONValue?, _ condition: Condition = .always) {
      self.key = key
      self.value = value
      self.condition = condition
    }
  }

  /// Versions of transformers differ in keys; a file keeps to the ones that it has.
  enum Condition: Sendable, Hashable {
    case always
    case whereFileHas(String)
    case unlessFileHas(String)

    func holds(in file: JSONObject) -> Bool {
      switch self {
      case .always: true
      case .whereFileHas(let key): file[key] != nil
      case .unlessFileHas(let key): file[key] == nil
      }
    }
  }

  /// All keys, always the same ones in the same order for a family.
  static func fields(of configuration: HuggingFaceConfiguration) -> [Field] {
    let model = configuration.model
    let family =
      model.family.name == DecoderFamily.gpt2.name
      ? HuggingFaceGPT2.fields(model) : HuggingFaceDecoder(model.family).fields(model)
    return family + [
      Field("tie_word_embeddings", .boolean(model.tiesHead)),
      Field("vocab_size", JSONValue(model.vocabularySize)),
      Field("bos_token_id", configuration.beginOfTextToken.map { JSONValue($0) }),
      Field("eos_token_id", tokens(configuration.endOfTextTokens)),
      Field("pad_token_id", configuration.padToken.map { JSONValue($0) }),
      Field("torch_dtype", weightType(configuration), .unlessFileHas("dtype")),
      Field("dtype", weightType(configuration), .whereFileHas("dtype")),
      own("espalier_logit_scale", model.logitScale, default: 1),
    ]
  }

  /// A key of our own, written only where it is needed.
  static func own(_ key: String, _ value: Double, default standard: Double) -> Field {
    Field(key, value == standard ? nil : JSONValue(value))
  }

  /// A key of our own, written only where it is needed.
  static func own(_ key: String, _ value: Int, default standard: Int) -> Field {
    Field(key, value == standard ? nil : JSONValue(value))
  }

  /// Writes the fields that differ, and leaves every other member as it is.
  static func change(_ object: JSONObject, from old: [Field], to new: [Field]) -> JSONObject {
    var result = object
    for field in new where !old.contains(field) && field.condition.holds(in: object) {
      result[field.key] = field.value
    }
    return result
  }

  private static func weightType(_ configuration: HuggingFaceConfiguration) -> JSONValue? {
    configuration.weightType.map { .string($0.rawValue) }
  }

  /// One id, or a list of several; nil for none.
  static func tokens(_ ids: [Int]) -> JSONValue? {
    switch ids.count {
    case 0: nil
    case 1: JSONValue(ids[0])
    default: .array(ids.map { JSONValue($0) })
    }
  }
}
