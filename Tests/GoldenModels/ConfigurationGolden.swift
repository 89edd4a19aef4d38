// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import OrderedJSON
import Tensors
import Text

/// What transformers makes of a `config.json`; made by `Scripts/reference/configuration_goldens.py`.
package struct ConfigurationGolden: Sendable, CustomStringConvertible {
  /// What comes of the file.
  package enum Outcome: Sendable {
    /// A model with these parts, and the last token's first logits where its function is known.
    case reads(JSONValue, logits: [Double]?)
    /// transformers does not take the file.
    case rejected(String)
    /// transformers computes what no program does.
    case unsupported
  }

  package let family: String
  /// What the case changes in its family's base file.
  package let change: JSONObject
  /// The file's members.
  package let object: JSONObject
  package let outcome: Outcome

  package var description: String {
    "\(family) " + String(decoding: JSONValue.object(change).encoded(.compact), as: UTF8.self)
  }
  /// The file.
  package var data: Data { Data(JSONValue.object(object).encoded(.compact)) }

  /// All families of the table.
  package static let families = DecoderFamily.known.map(\.name)

  /// A file's table, read once.
  private static let table = Result {
    let url = Bundle.module.bundleURL.appending(path: "Goldens/configurations.json")
    return try JSONValue(parsing: [UInt8](Data(contentsOf: url)))
  }

  /// The tokens whose logits are known.
  package static func batch() throws -> TokenBatch {
    let tokens = try table.get()["tokens"]?.elements.compactMap(\.integer).map(Int32.init) ?? []
    return TokenBatch(
      sequenceCount: 1, sequenceLength: tokens.count, inputs: tokens, targets: tokens)
  }

  /// The cases of a family.
  package static func cases(of family: String) throws -> [ConfigurationGolden] {
    let table = try table.get()
    let all = table["cases"]?.elements.filter { $0["family"]?.text == family } ?? []
    guard case .object(let base) = table["bases"]?[family], let first = all.first else { return [] }
    return all.map { ConfigurationGolden($0, family: family, base: base, first: first) }
  }

  private init(_ value: JSONValue, family: String, base: JSONObject, first: JSONValue) {
    self.family = family
    change = value["change"]?.object ?? JSONObject()
    var object = base
    for member in change.members {
      object[member.key] = member.value == "(absent)" ? nil : member.value
    }
    self.object = object
    if let error = value["error"]?.text {
      outcome = .rejected(error)
    } else if value["unsupported"] != nil {
      outcome = .unsupported
    } else {
      var reads = first["reads"]?.object ?? JSONObject()
      for member in value["reads"]?.object?.members ?? [] { reads[member.key] = member.value }
      // Only small models have logits; where none are stored they are the base's.
      let isSmall = ["hidden", "vocabulary", "layers", "intermediate"].allSatisfy {
        (reads[$0]?.integer ?? .max) < ($0 == "layers" ? 10 : 100)
      }
      let logits = (value["logits"] ?? first["logits"])?.elements.compactMap(\.double)
      outcome = .reads(.object(reads), logits: isSmall ? logits : nil)
    }
  }

  /// The pairs of `config.json` and `generation_config.json`, with what `generate` then goes by; nil
  /// where it fails.
  package static func generations() throws -> [Generation] {
    let table = try table.get()
    return (table["generation"]?.elements ?? []).map { value in
      var object = table["bases"]?["llama"]?.object ?? JSONObject()
      for key in ["bos_token_id", "eos_token_id", "pad_token_id"] { object[key] = nil }
      for member in value["config"]?.object?.members ?? [] { object[member.key] = member.value }
      let generation = value["generation"].flatMap { $0 == .null ? nil : $0 }
      return Generation(
        configuration: Data(JSONValue.object(object).encoded(.compact)),
        generation: generation.map { Data($0.encoded(.compact)) },
        ends: value["error"] == nil ? value["eos"]?.elements.compactMap(\.integer) : nil,
        description: String(decoding: value.encoded(.compact), as: UTF8.self))
    }
  }

  /// Two files, and the tokens that end a text.
  package struct Generation: Sendable, CustomStringConvertible {
    package let configuration: Data
    package let generation: Data?
    package let ends: [Int]?
    package let description: String
  }
}

extension ConfigurationGolden {
  /// What a model's parts are that differ from a reading.
  package static func differences(
    of configuration: HuggingFaceConfiguration, from reads: JSONValue
  ) -> [String] {
    let model = configuration.model
    let traits = model.traits
    var found: [(String, JSONValue)] = [
      ("layers", JSONValue(model.layerCount)), ("hidden", JSONValue(model.hiddenSize)),
      ("heads", JSONValue(model.headCount)), ("keyValueHeads", JSONValue(model.keyValueHeadCount)),
      ("headSize", JSONValue(model.headSize)), ("vocabulary", JSONValue(model.vocabularySize)),
      ("context", JSONValue(model.contextLength)),
      ("intermediate", JSONValue(model.intermediateSize)),
      ("epsilon", JSONValue(model.normEpsilon)),
      ("activation", .string("\(traits.activation)")),
      ("attentionBias", .boolean(traits.attentionBias)),
      ("outputBias", .boolean(traits.attentionOutputBias)),
      ("feedForwardBias", .boolean(traits.feedForwardBias)),
      ("parallel", .boolean(traits.isParallel)),
      ("window", traits.window.map { JSONValue($0) } ?? .null),
      ("ties", .boolean(model.tiesHead)),
      ("dtype", configuration.weightType.map { .string($0.rawValue) } ?? .null),
      (
        "dropout",
        .array(
          [model.dropout.embedding, model.dropout.attention, model.dropout.residual]
            .map { JSONValue($0) })
      ),
    ]
    if let rotary = model.rotary {
      found.append(
        (
          "frequencies",
          .array(rotary.frequencies(headSize: model.headSize).map { JSONValue($0) })
        ))
    }
    if let experts = traits.experts {
      found.append(
        ("experts", .array([JSONValue(experts.count), JSONValue(experts.perToken)])))
    }
    return found.compactMap { name, value in
      let expected = reads[name] ?? .null
      guard !value.isNear(expected) else { return nil }
      return "\(name) is \(value.spelling), transformers has \(expected.spelling)"
    }
  }

  /// A tensor's numbers, which follow from its name: the script's `weights`.
  package static func weights(_ spec: ParameterSpec, of family: String) -> [Double] {
    var seed: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in spec.name.utf8 { seed = (seed ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let isVector = spec.axes.count == 1
    let middle = isVector && spec.name.hasSuffix("weight") && family != "gemma" ? 1.0 : 0
    return (0..<UInt64(spec.shape.elementCount)).map { index in
      let bits = mix(mix(index) ^ seed) >> 44
      let unit = Double(bits) / 0x1p20 - 0.5
      return isVector ? unit / 2 + middle : unit
    }
  }

  /// SplitMix64.
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension JSONValue {
  fileprivate var elements: [JSONValue] {
    if case .array(let elements) = self { return elements }
    return []
  }

  fileprivate var object: JSONObject? {
    if case .object(let object) = self { return object }
    return nil
  }

  fileprivate var spelling: String { String(decoding: encoded(.compact), as: UTF8.self) }

  /// Whether numbers agree to a rounding of float64, and all else exactly.
  fileprivate func isNear(_ other: JSONValue) -> Bool {
    if let one = double, let two = other.double {
      return abs(one - two) <= 1e-12 * max(abs(one), abs(two))
    }
    if case .array(let one) = self, case .array(let two) = other {
      return one.count == two.count && zip(one, two).allSatisfy { $0.isNear($1) }
    }
    return self == other
  }
}
