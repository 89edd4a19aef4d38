// SPDX-License-Identifier: Apache-2.0
import Documents
import Foundation
import OrderedJSON
import Tensors

/// A model's `config.json` as Hugging Face transformers reads and writes it.
///
/// What was read from a file and not changed goes back byte for byte; where something changed, only
/// the keys concerned do, and all other keys of the file stay. What transformers has no key for is
/// written under keys that begin with `espalier_`, and only where it is not at its default.
public struct HuggingFaceConfiguration: Sendable {
  /// The model.
  public var model: ModelConfiguration
  /// The id of the token that begins a text.
  public var beginOfTextToken: Int?
  /// The ids of the tokens that end a text: those of `generation_config.json` where there is that file,
  /// else those of `config.json`.
  public var endOfTextTokens: [Int]
  /// The id of the token that fills up short texts; no model's function depends on it.
  public var padToken: Int?
  /// The type of the weights in the files beside it; nil where the file does not say.
  public var weightType: DType?

  /// Whether a file names the tokens that end a text, even if it says that there are none.
  public private(set) var namesEndOfText: Bool
  /// The sizes that the file leaves out, with the family's own values; empty where there are none.
  public private(set) var defaultedSizes: String = ""

  /// What was read, for writing the rest back.
  private var source: Source?
  private var generation = GenerationSettings.none

  private struct Source: Sendable {
    var data: Data
    var object: JSONObject
    var fields: [HuggingFaceFields.Field]
    var meaning: Meaning
  }

  /// What a file says.
  private struct Meaning: Sendable, Hashable {
    var model: ModelConfiguration
    var tokens: SpecialTokens
    var weightType: DType?
  }

  /// A configuration that comes from no file.
  public init(
    _ model: ModelConfiguration, beginOfTextToken: Int? = nil, endOfTextTokens: [Int] = [],
    weightType: DType? = .float32
  ) {
    self.model = model
    self.beginOfTextToken = beginOfTextToken
    self.endOfTextTokens = endOfTextTokens
    self.weightType = weightType
    namesEndOfText = !endOfTextTokens.isEmpty
  }

  /// Reads a `config.json`.
  ///
  /// - Parameters:
  ///   - data: the file's bytes.
  ///   - file: the file's name, for errors.
  ///   - families: families beside the known ones, which come first.
  ///   - generation: the bytes of the `generation_config.json` beside it, and its name for errors; nil
  ///     where there is none.
  /// - Throws: ``ArchitecturesError`` naming file, key, value and what was expected: `malformedFile`,
  ///   `unsupportedArchitecture`, `unsupportedFeature` or `invalidConfiguration`.
  public init(
    _ data: Data, file: String = "config.json", families: [DecoderFamily] = [],
    generation: (data: Data, file: String)? = nil
  ) throws {
    let object = try Self.object(in: data, file: file)
    let plain = ConfigurationReader(file: file, object: object)
    let family = try Self.family(plain, families)
    let reader = ConfigurationReader(file: file, object: object, family: family)
    model = try Self.model(reader, family)
    try reader.requireAbsent("quantization_config")
    defaultedSizes = Self.defaultedSizes(family, reader)
    do {
      try model.validate()
    } catch let error as ArchitecturesError {
      throw ArchitecturesError(
        error.code, "\(family.key(ofField: error.subject)): \(error.message)\(defaultedSizes)",
        subject: file)
    }
    let tokens = try SpecialTokens(plain)
    beginOfTextToken = tokens.bos
    endOfTextTokens = tokens.eos
    padToken = tokens.pad
    namesEndOfText = plain.holds("eos_token_id")
    let typeKey = reader.has("dtype") ? "dtype" : "torch_dtype"
    weightType = DType(rawValue: try reader.string(typeKey, default: ""))
    source = Source(
      data: data, object: object, fields: HuggingFaceFields.fields(of: self),
      meaning: Meaning(model: model, tokens: tokens, weightType: weightType))
    if let generation {
      self.generation = try GenerationSettings(generation.data, file: generation.file)
      endOfTextTokens = self.generation.tokens.eos
      namesEndOfText = namesEndOfText || self.generation.namesEndOfText
    }
  }

  private static func family(
    _ reader: ConfigurationReader, _ families: [DecoderFamily]
  ) throws -> DecoderFamily {
    let type = try reader.string("model_type")
    let known = families + DecoderFamily.known
    guard let family = known.first(where: { $0.name == type }) else {
      let names = known.map { "\"\($0.name)\"" }.joined(separator: ", ")
      throw ArchitecturesError(
        .unsupportedArchitecture,
        "model_type: \"\(type.prefix(60))\" is not supported; expected one of \(names), or describe "
          + "the family in a file", subject: reader.file)
    }
    try family.validate()
    return family
  }

  private static func model(
    _ reader: ConfigurationReader, _ family: DecoderFamily
  ) throws -> ModelConfiguration {
    family.name == DecoderFamily.gpt2.name
      ? try HuggingFaceGPT2.model(reader) : try HuggingFaceDecoder(family).model(reader)
  }

  /// The keys of sizes that a file leaves out, as the end of a message.
  private static func defaultedSizes(
    _ family: DecoderFamily, _ reader: ConfigurationReader
  ) -> String {
    let missing = family.sizeKeys.compactMap { key -> String? in
      guard !reader.holds(key), let value = family.keys.defaults[key], value != .null else {
        return nil
      }
      return "\(key) \(value.json.excerpt)"
    }
    guard !missing.isEmpty else { return "" }
    return "; left out of the file, and so \(family.name)'s own: "
      + missing.joined(separator: ", ")
  }

  /// The bytes of `config.json`.
  ///
  /// Both files name the same tokens that end a text.
  ///
  /// - Throws: ``ArchitecturesError`` where the model contradicts itself.
  public func encoded() throws -> Data {
    try model.validate()
    guard let source, isSameFamily(as: source) else { return try Self.data(of: fresh()) }
    let fields = HuggingFaceFields.fields(of: agreeing(with: source))
    let meaning = Meaning(
      model: model, tokens: tokens(of: source), weightType: weightType)
    if meaning == source.meaning { return source.data }
    var object = source.object
    for (alias, key) in model.family.keys.aliases where object[alias] != nil {
      (object[key], object[alias]) = (object[alias], nil)
    }
    object = HuggingFaceFields.change(object, from: source.fields, to: fields)
    try say(fields, in: &object)
    return Self.data(of: object)
  }

  /// What `generation_config.json` says of how text is generated; no rules where there is no such file.
  ///
  /// - Throws: ``ArchitecturesError`` of code `malformedFile` that names file and key.
  public func generationRules() throws -> GenerationRules { try generation.rules() }

  /// The bytes of `generation_config.json`.
  public func encodedGeneration() -> Data {
    let old = source?.meaning.tokens ?? SpecialTokens()
    var tokens = generation.isRead ? generation.tokens : old
    tokens.eos = endOfTextTokens
    if source == nil || beginOfTextToken != old.bos { tokens.bos = beginOfTextToken }
    if source == nil || padToken != old.pad { tokens.pad = padToken }
    return generation.encoded(tokens)
  }

  /// The ids for `config.json`: a `generation_config.json` that names no end leaves its own there.
  private func tokens(of source: Source) -> SpecialTokens {
    let keepsOwn = generation.isRead && generation.tokens.eos.isEmpty && endOfTextTokens.isEmpty
    return SpecialTokens(
      bos: beginOfTextToken, eos: keepsOwn ? source.meaning.tokens.eos : endOfTextTokens,
      pad: padToken)
  }

  private func agreeing(with source: Source) -> HuggingFaceConfiguration {
    var copy = self
    copy.endOfTextTokens = tokens(of: source).eos
    return copy
  }

  private func isSameFamily(as source: Source) -> Bool {
    source.object["model_type"] == .string(model.family.name)
  }

  private func fresh() throws -> JSONObject {
    let fields = HuggingFaceFields.fields(of: self)
    var object = HuggingFaceFields.change(JSONObject(), from: [], to: fields)
    object["architectures"] = .array([.string(model.family.modelClass)])
    object["model_type"] = .string(model.family.name)
    // Without these keys transformers would take its own family's ids.
    for key in ["bos_token_id", "eos_token_id"] where object[key] == nil { object[key] = .null }
    let hasPadding = model.family.keys.defaults["pad_token_id"] != nil
    if hasPadding, object["pad_token_id"] == nil { object["pad_token_id"] = .null }
    if model.traits.positions == .rotary {
      HuggingFaceRotary(model.family.keys).write(model.rotary ?? RotaryEmbedding(), to: &object)
    }
    try say(fields, in: &object)
    return object.sorted()
  }

  /// Makes a file say this model: what it leaves out, or says in two places, may mean another thing
  /// after a change, as a context that a stretch of frequencies goes by.
  private func say(_ fields: [HuggingFaceFields.Field], in object: inout JSONObject) throws {
    var wanted = model
    if wanted.traits.positions == .rotary { wanted.rotary = model.rotary ?? RotaryEmbedding() }
    if let rotary = wanted.rotary, said(by: object)?.rotary != rotary {
      HuggingFaceRotary(model.family.keys).write(rotary, to: &object)
    }
    // A head size that the file leaves out is the width shared among the heads, which may change.
    if said(by: object)?.headSize != wanted.headSize, let key = model.family.keys.headSize {
      object[key] = JSONValue(model.headSize)
    }
    if said(by: object) != wanted {
      let sizes = fields.filter { !$0.key.hasSuffix("_token_id") }
      object = HuggingFaceFields.change(object, from: [], to: sizes)
    }
    guard said(by: object) == wanted else {
      throw ArchitecturesError(
        .invalidConfiguration,
        "\(model.family.name)'s config.json has no words for this model; describe its family in a "
          + "file that names the keys", subject: "config.json")
    }
  }

  /// The model that a file's members mean; nil where they contradict each other.
  private func said(by object: JSONObject) -> ModelConfiguration? {
    let reader = ConfigurationReader(
      file: "config.json", object: object, family: model.family)
    return try? Self.model(reader, model.family)
  }

  static func data(of object: JSONObject) -> Data {
    Data(JSONValue.object(object).encoded(.indented) + [0x0A])
  }

  static func object(in data: Data, file: String) throws -> JSONObject {
    let value: JSONValue
    do { value = try Document(parsing: data, options: .python).value } catch {
      throw ArchitecturesError(.malformedFile, error, subject: file)
    }
    guard case .object(let object) = value else {
      throw ArchitecturesError(.malformedFile, "is not a JSON object", subject: file)
    }
    return object
  }
}
