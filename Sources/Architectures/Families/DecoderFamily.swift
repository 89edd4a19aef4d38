// SPDX-License-Identifier: Apache-2.0
import Documents

/// A family of decoders as data: what its blocks compute, how its files name their tensors, and under
/// which keys its `config.json` keeps the sizes.
///
/// From it follow the program, the parameters with their spaces, and so counting, growing and
/// proving. A new family is one more of these, in the library or in a file.
public struct DecoderFamily: Sendable, Hashable {
  /// The name that `config.json` gives as `model_type`.
  public var name: String
  /// The class that `config.json` names for transformers.
  public var modelClass: String
  /// What the blocks compute.
  public var traits = DecoderTraits()
  /// How files name the tensors.
  public var tensors = DecoderTensorNames()
  /// Under which keys `config.json` keeps the sizes.
  public var keys = DecoderConfigurationKeys()

  /// A family like Llama.
  public init(
    name: String, modelClass: String, traits: DecoderTraits = DecoderTraits(),
    tensors: DecoderTensorNames = DecoderTensorNames(),
    keys: DecoderConfigurationKeys = DecoderConfigurationKeys()
  ) {
    self.name = name
    self.modelClass = modelClass
    self.traits = traits
    self.tensors = tensors
    self.keys = keys
  }

  /// The keys of `config.json` that hold sizes.
  var sizeKeys: [String] {
    guard name != Self.gpt2.name else {
      return ["n_layer", "n_embd", "n_head", "n_positions", "vocab_size"]
    }
    return [
      keys.layers, keys.hidden, keys.heads, keys.keyValueHeads, keys.headSize, keys.intermediate,
      keys.context, "vocab_size", keys.experts, keys.expertsPerToken,
    ].compactMap { $0 }
  }

  /// The families that the library knows.
  public static let known: [DecoderFamily] = [
    .gpt2, .llama, .mistral, .qwen2, .qwen3, .gemma, .phi3, .gptNeoX, .olmo, .mixtral,
  ]

  /// The known family of a name.
  public static func named(_ name: String) -> DecoderFamily? { known.first { $0.name == name } }
}

/// In files what a description does not name is as in Llama.
extension DecoderFamily: FieldCoded {
  package init(_ fields: FieldCoder, of old: DecoderFamily?) throws {
    let name = try fields.optional("name", old?.name)
    let modelClass = try fields.optional("modelClass", old?.modelClass)
    traits = try fields.given("traits", old?.traits, default: DecoderTraits())
    tensors = try fields.given("tensors", old?.tensors, default: DecoderTensorNames())
    keys = try fields.given("keys", old?.keys, default: DecoderConfigurationKeys())
    try fields.refuseOthers()
    self.name = try name ?? fields.required("name", nil)
    self.modelClass = try modelClass ?? fields.required("modelClass", nil)
  }
}

extension DecoderFamily {
  /// Checks that the names say where everything is that the traits compute.
  ///
  /// - Throws: ``ArchitecturesError`` of code `invalidConfiguration` naming what is missing.
  public func validate() throws {
    func check(_ condition: Bool, _ field: String, _ message: String) throws {
      guard condition else {
        throw ArchitecturesError(
          .invalidConfiguration, message,
          subject: "family\(name.isEmpty ? "" : " \(name)"): \(field)")
      }
    }
    try check(!name.isEmpty && !modelClass.isEmpty, "name", "a name and a modelClass are needed")
    let t = tensors
    let hasParts = t.query != nil && t.key != nil && t.value != nil
    try check(
      hasParts != (t.queryKeyValue != nil), "tensors",
      "expected either query, key and value, or queryKeyValue")
    if traits.isGated {
      try check(
        (t.gate != nil && t.up != nil) != (t.gateUp != nil), "tensors",
        "expected either gate and up, or gateUp")
    } else {
      try check(
        t.up != nil && t.gateUp == nil, "tensors.up", "a feed-forward without a gate has up alone")
    }
    try check(
      (traits.positions == .learned) == (t.positionEmbedding != nil), "tensors.positionEmbedding",
      "belongs to learned positions, and to no others")
    try check(
      traits.queryKeyNorm == (t.queryNorm != nil && t.keyNorm != nil), "tensors.queryNorm",
      "queryNorm and keyNorm belong to queryKeyNorm")
    try check(
      !traits.queryKeyNorm || t.queryKeyValue == nil, "traits.queryKeyNorm",
      "needs query, key and value apart")
    try check(t.layer.contains("{layer}"), "tensors.layer", "does not contain {layer}")
    let hasExperts = traits.experts != nil || keys.experts != nil
    try check(
      hasExperts == (t.router != nil && t.expert?.contains("{expert}") ?? false),
      "tensors.expert", "router and expert, with {expert}, belong to experts")
    try check(
      !hasExperts || (traits.isGated && t.gateUp == nil), "traits.experts",
      "experts have gate, up and down each")
    try check(
      (keys.experts == nil) == (keys.expertsPerToken == nil), "keys.expertsPerToken",
      "experts and expertsPerToken belong together")
  }
}
