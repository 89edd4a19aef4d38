// SPDX-License-Identifier: Apache-2.0
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
  /// The ids of the tokens that end a text.
  public var endOfTextTokens: [Int]
  /// The type of the weights in the files beside it; nil where the file does not say.
  public var weightType: DType?

  /// What was read, for writing the rest back.
  private var source: Source?

  private struct Source: Sendable {
    var data: Data
    var object: JSONObject
    var fields: [HuggingFaceFields.Field]
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
  }

  /// Reads a `config.json`.
  ///
  /// - Parameters:
  ///   - data: the file's bytes.
  ///   - file: the file's name, for errors.
  ///   - families: families beside the known ones, which come first.
  /// - Throws: ``ArchitecturesError`` naming file, key, value and what was expected: `malformedFile`,
  ///   `unsupportedArchitecture`, `unsupportedFeature` or `invalidConfiguration`.
  public init(
    _ data: Data, file: String = "config.json", families: [DecoderFamily] = []
  ) throws {
    let object = try Self.object(in: data, file: file)
    let reader = ConfigurationReader(file: file, object: object)
    model = try Self.model(reader, families)
    try reader.requireAbsent("quantization_config")
    do {
      try model.validate()
    } catch let error as ArchitecturesError {
      throw ArchitecturesError(error.code, "\(error.subject): \(error.message)", subject: file)
    }
    beginOfTextToken = try reader.tokens("bos_token_id").first
    endOfTextTokens = try reader.tokens("eos_token_id")
    let typeKey = reader.has("dtype") ? "dtype" : "torch_dtype"
    weightType = DType(rawValue: try reader.string(typeKey, default: ""))
    source = Source(data: data, object: object, fields: HuggingFaceFields.fields(of: self))
  }

  private static func model(
    _ reader: ConfigurationReader, _ families: [DecoderFamily]
  ) throws -> ModelConfiguration {
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
    return family.name == DecoderFamily.gpt2.name
      ? try HuggingFaceGPT2.model(reader) : try HuggingFaceDecoder(family).model(reader)
  }

  /// The file's bytes.
  ///
  /// - Throws: ``ArchitecturesError`` where the model contradicts itself.
  public func encoded() throws -> Data {
    try model.validate()
    let fields = HuggingFaceFields.fields(of: self)
    guard let source, isSameFamily(as: source) else { return Self.data(of: fresh(fields)) }
    if fields == source.fields { return source.data }
    var object = HuggingFaceFields.change(source.object, from: source.fields, to: fields)
    // A head size that the file leaves out is the width shared among the heads, which may change.
    if let key = model.family.keys.headSize, object[key] ?? .null == .null,
      model.headSize * model.headCount != model.hiddenSize
    {
      object[key] = JSONValue(model.headSize)
    }
    return Self.data(of: object)
  }

  private func isSameFamily(as source: Source) -> Bool {
    source.object["model_type"] == .string(model.family.name)
  }

  private func fresh(_ fields: [HuggingFaceFields.Field]) -> JSONObject {
    var object = HuggingFaceFields.change(JSONObject(), from: [], to: fields)
    object["architectures"] = .array([.string(model.family.modelClass)])
    object["model_type"] = .string(model.family.name)
    // Without these keys transformers would take its own family's ids.
    for key in ["bos_token_id", "eos_token_id"] where object[key] == nil { object[key] = .null }
    return object.sorted()
  }

  private static func data(of object: JSONObject) -> Data {
    Data(JSONValue.object(object).encoded(.indented) + [0x0A])
  }

  private static func object(in data: Data, file: String) throws -> JSONObject {
    // Python writes numbers that are not finite; a key that stands twice has no one meaning.
    let options = JSONScanner.Options(
      nestingLimit: 64, allowsNonFiniteNumbers: true, refusesRepeatedKeys: true)
    do {
      guard case .object(let object) = try JSONValue(parsing: [UInt8](data), options: options)
      else { throw ArchitecturesError(.malformedFile, "is not a JSON object", subject: file) }
      return object
    } catch let error as OrderedJSONError {
      throw ArchitecturesError(
        .malformedFile, "is no JSON: \(error.message), at byte \(error.offset)", subject: file)
    }
  }
}
