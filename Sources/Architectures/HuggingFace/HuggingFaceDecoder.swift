// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// The `config.json` of a family, read and written by the keys that its description names.
struct HuggingFaceDecoder {
  private let family: DecoderFamily
  private var keys: DecoderConfigurationKeys { family.keys }

  init(_ family: DecoderFamily) { self.family = family }

  /// The names under which functions go in most families.
  private static let activationNames: [(name: String, kind: Program.ActivationKind)] = [
    ("silu", .silu), ("swish", .silu), ("gelu", .gelu), ("gelu_new", .geluTanh),
    ("gelu_pytorch_tanh", .geluTanh),
  ]

  // MARK: Reading

  func model(_ reader: ConfigurationReader) throws -> ModelConfiguration {
    try reader.require("is_encoder_decoder", false)
    for key in keys.unsupported where !isFalse(key, reader) { try reader.requireAbsent(key) }
    let heads = try reader.integer(keys.heads)
    let hidden = try reader.integer(keys.hidden)
    let layers = try reader.integer(keys.layers)
    let traits = try traits(reader, layerCount: layers)
    return ModelConfiguration(
      family: family, traits: traits,
      layerCount: layers,
      hiddenSize: hidden,
      headCount: heads,
      keyValueHeadCount: try keys.keyValueHeads.map { try reader.integer($0, default: heads) },
      headSize: try headSize(reader, hidden: hidden, heads: heads),
      intermediateSize: try reader.integer(keys.intermediate),
      vocabularySize: try reader.integer("vocab_size"),
      contextLength: try reader.integer(keys.context),
      normEpsilon: try keys.normEpsilon.map {
        try reader.number($0, default: keys.defaultNormEpsilon)
      } ?? keys.defaultNormEpsilon,
      rotary: traits.positions == .rotary
        ? try HuggingFaceRotary(keys).embedding(reader) : nil,
      tiesHead: try reader.boolean("tie_word_embeddings", default: keys.tiesHead),
      logitScale: try reader.number("espalier_logit_scale", default: 1),
      dropout: DropoutRates(
        embedding: try reader.number("espalier_embedding_dropout", default: 0),
        attention: try reader.number("attention_dropout", default: 0),
        residual: try reader.number("espalier_residual_dropout", default: 0)))
  }

  private func isFalse(_ key: String, _ reader: ConfigurationReader) -> Bool {
    (try? reader.boolean(key, default: false)) == false
  }

  private func headSize(
    _ reader: ConfigurationReader, hidden: Int, heads: Int
  ) throws -> Int {
    let key = keys.headSize ?? "espalier_head_dim"
    if !reader.has(key), let size = keys.defaultHeadSize { return size }
    return try Architectures.headSize(
      reader, key: key, hidden: hidden, hiddenKey: keys.hidden, heads: heads)
  }

  private func traits(
    _ reader: ConfigurationReader, layerCount: Int
  ) throws -> DecoderTraits {
    var traits = family.traits
    traits.activation = try activation(reader)
    if let key = keys.attentionBias {
      let isThere = try reader.boolean(key, default: traits.attentionOutputBias)
      if reader.has(key) { traits.attentionBias = isThere }
      traits.attentionOutputBias = isThere
    }
    if let key = keys.feedForwardBias {
      traits.feedForwardBias = try reader.boolean(key, default: traits.feedForwardBias)
    }
    if let key = keys.parallel {
      traits.isParallel = try reader.boolean(key, default: family.traits.isParallel)
    }
    if let experts = keys.experts, let perToken = keys.expertsPerToken {
      traits.experts = .init(
        count: try reader.integer(experts), perToken: try reader.integer(perToken))
    }
    traits.window = try window(reader, layerCount: layerCount)
    return traits
  }

  private func activation(_ reader: ConfigurationReader) throws -> Program.ActivationKind {
    guard let key = keys.activation.first(where: reader.has) else {
      return family.traits.activation
    }
    let name = try reader.string(key)
    let kind =
      keys.activationNames[name] ?? Self.activationNames.first { $0.name == name }?.kind
    guard let kind else {
      let names = Self.activationNames.map { "\"\($0.name)\"" }.joined(separator: ", ")
      throw reader.unsupported(key, .string(name), expected: "one of \(names)")
    }
    return kind
  }

  /// How many positions a query sees; all blocks must be alike.
  private func window(_ reader: ConfigurationReader, layerCount: Int) throws -> Int? {
    let types = Set(try reader.strings("layer_types"))
    guard types.isSubset(of: ["full_attention"]) || types.isSubset(of: ["sliding_attention"])
    else {
      throw reader.unsupported(
        "layer_types", .string("a mixture"), expected: "the same type for every layer")
    }
    guard let key = keys.window, reader.has(key) else { return nil }
    if types == ["full_attention"] { return nil }
    return try reader.integer(key)
  }

  // MARK: Writing

  /// The keys that a model fixes, always the same ones in the same order.
  func fields(_ model: ModelConfiguration) -> [HuggingFaceFields.Field] {
    let traits = model.traits
    var fields: [HuggingFaceFields.Field] = [
      .init("attention_dropout", JSONValue(model.dropout.attention)),
      HuggingFaceFields.own("espalier_embedding_dropout", model.dropout.embedding, default: 0),
      HuggingFaceFields.own("espalier_residual_dropout", model.dropout.residual, default: 0),
      .init(keys.hidden, JSONValue(model.hiddenSize)),
      .init(keys.intermediate, JSONValue(model.intermediateSize)),
      .init(keys.context, JSONValue(model.contextLength)),
      .init(keys.heads, JSONValue(model.headCount)),
      .init(keys.layers, JSONValue(model.layerCount)),
      .init("layer_types", layerTypes(model), .whereFileHas("layer_types")),
    ]
    if let key = keys.headSize {
      fields.append(.init(key, JSONValue(model.headSize)))
    } else {
      let standard = keys.defaultHeadSize ?? standardHeadSize(model)
      fields.append(
        HuggingFaceFields.own("espalier_head_dim", model.headSize, default: standard ?? 0))
    }
    if let key = keys.keyValueHeads {
      fields.append(.init(key, JSONValue(model.keyValueHeadCount)))
    }
    if let key = keys.normEpsilon { fields.append(.init(key, JSONValue(model.normEpsilon))) }
    fields += activationFields(traits.activation)
    for (key, value) in [
      (keys.attentionBias, traits.attentionOutputBias),
      (keys.feedForwardBias, traits.feedForwardBias), (keys.parallel, traits.isParallel),
    ] {
      if let key { fields.append(.init(key, .boolean(value))) }
    }
    if let key = keys.window {
      fields.append(.init(key, traits.window.map { JSONValue($0) } ?? .null))
    }
    if let experts = traits.experts, let count = keys.experts, let perToken = keys.expertsPerToken {
      fields += [
        .init(count, JSONValue(experts.count)), .init(perToken, JSONValue(experts.perToken)),
      ]
    }
    guard traits.positions == .rotary else { return fields }
    return fields + HuggingFaceRotary(keys).fields(model.rotary ?? RotaryEmbedding())
  }

  private func activationFields(
    _ kind: Program.ActivationKind
  ) -> [HuggingFaceFields.Field] {
    let name = Self.activationNames.first { $0.kind == kind }?.name ?? kind.rawValue
    return keys.activation.prefix(1).map { .init($0, .string(name)) }
  }

  private func layerTypes(_ model: ModelConfiguration) -> JSONValue {
    let type = model.traits.window == nil ? "full_attention" : "sliding_attention"
    return .array(Array(repeating: .string(type), count: model.layerCount))
  }
}
