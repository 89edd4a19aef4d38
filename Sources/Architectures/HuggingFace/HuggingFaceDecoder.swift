// SPDX-License-Identifier: Apache-2.0
import OrderedJSON
import Wording

/// The `config.json` of a family, read and written by the keys that its description names.
struct HuggingFaceDecoder {
  private let family: DecoderFamily
  private var keys: DecoderConfigurationKeys { family.keys }

  init(_ family: DecoderFamily) { self.family = family }

  /// The names under which functions go in most families; the first of a kind is written.
  private static let activationNames: [(name: String, kind: Program.ActivationKind)] = [
    ("silu", .silu), ("swish", .silu), ("gelu", .gelu), ("gelu_python", .gelu),
    ("gelu_new", .geluTanh), ("gelu_pytorch_tanh", .geluTanh), ("gelu_python_tanh", .geluTanh),
    ("gelu_fast", .geluTanh), ("gelu_accurate", .geluTanh),
  ]

  /// The function of a name; nil for one that no program has.
  static func activation(named name: String) -> Program.ActivationKind? {
    activationNames.first { $0.name == name }?.kind
  }

  /// The name to write for a function; not one that means another in this family.
  static func activationName(
    of kind: Program.ActivationKind, _ keys: DecoderConfigurationKeys = .init()
  ) -> String {
    activationNames.first { $0.kind == kind && keys.activationNames[$0.name] == nil }?.name
      ?? kind.rawValue
  }

  static var activationChoices: String {
    activationNames.map { "\"\($0.name)\"" }.joined(separator: ", ")
  }

  // MARK: Reading

  func model(_ reader: ConfigurationReader) throws -> ModelConfiguration {
    try Self.refuseUnsupported(reader)
    for key in keys.unsupported where !isFalse(key, reader) { try reader.requireAbsent(key) }
    let heads = try reader.integer(keys.heads)
    let hidden = try reader.integer(keys.hidden)
    let layers = try reader.integer(keys.layers)
    let context = try reader.integer(keys.context)
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
      contextLength: context,
      normEpsilon: try keys.normEpsilon.map {
        try reader.number($0, default: keys.defaultNormEpsilon)
      } ?? keys.defaultNormEpsilon,
      rotary: traits.positions == .rotary
        ? try HuggingFaceRotary(keys).embedding(reader, contextLength: context) : nil,
      tiesHead: try reader.boolean("tie_word_embeddings", default: keys.tiesHead),
      logitScale: try reader.number("espalier_logit_scale", default: 1),
      dropout: DropoutRates(
        embedding: try reader.number(embeddingDropout, default: 0),
        attention: try reader.number("attention_dropout", default: 0),
        residual: try reader.number(residualDropout, default: 0)))
  }

  /// Refuses what would change any family's program.
  static func refuseUnsupported(_ reader: ConfigurationReader) throws {
    try reader.require("is_encoder_decoder", false)
    try reader.requireAbsent("per_layer_config")
    // Null is as good as false here, and lets a token see what comes after it.
    guard !reader.holds("is_causal") || reader.has("is_causal") else {
      throw reader.unsupported("is_causal", .null, expected: "true, or no such key")
    }
    try reader.require("is_causal", true)
  }

  private func isFalse(_ key: String, _ reader: ConfigurationReader) -> Bool {
    (try? reader.boolean(key, default: false)) == false
  }

  private var embeddingDropout: String { keys.embeddingDropout ?? "espalier_embedding_dropout" }
  private var residualDropout: String { keys.residualDropout ?? "espalier_residual_dropout" }

  private func headSize(
    _ reader: ConfigurationReader, hidden: Int, heads: Int
  ) throws -> Int {
    let own = "espalier_head_dim"
    if reader.has(own) { return try reader.integer(own) }
    if let key = keys.headSize, let size = try reader.optionalInteger(key) { return size }
    if let size = keys.defaultHeadSize { return size }
    let shared = try sharedHeadSize(reader, hidden: hidden, heads: heads)
    let standard = "head_dim"
    if keys.headSize == nil, reader.has(standard) {
      let size = try reader.integer(standard)
      guard size == shared else {
        throw reader.unsupported(
          standard, JSONValue(size),
          expected: "\(shared), which is \(keys.hidden) shared among the \(counted(heads, "head"))")
      }
    }
    return shared
  }

  private func sharedHeadSize(
    _ reader: ConfigurationReader, hidden: Int, heads: Int
  ) throws -> Int {
    if !keys.headsDivideWidth, heads > 0, hidden > 0 { return hidden / heads }
    return try Architectures.headSize(
      reader, key: "espalier_head_dim", hidden: hidden, hiddenKey: keys.hidden, heads: heads)
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
    traits.window = try HuggingFaceWindow(keys).window(reader, layerCount: layerCount)
    return traits
  }

  private func activation(_ reader: ConfigurationReader) throws -> Program.ActivationKind {
    guard
      let key = keys.activation.first(where: reader.has)
        ?? keys.activation.first(where: reader.holds)
    else { return family.traits.activation }
    let name = try reader.string(key)
    guard let kind = keys.activationNames[name] ?? Self.activation(named: name) else {
      throw reader.unsupported(
        key, .string(name), expected: "one of \(Self.activationChoices)")
    }
    return kind
  }

  // MARK: Writing

  /// The keys that a model fixes, always the same ones in the same order.
  func fields(_ model: ModelConfiguration) -> [HuggingFaceFields.Field] {
    let traits = model.traits
    var fields: [HuggingFaceFields.Field] = [
      .init("attention_dropout", JSONValue(model.dropout.attention)),
      dropout(keys.embeddingDropout, embeddingDropout, model.dropout.embedding),
      dropout(keys.residualDropout, residualDropout, model.dropout.residual),
      .init(keys.hidden, JSONValue(model.hiddenSize)),
      .init(keys.intermediate, JSONValue(model.intermediateSize)),
      .init(keys.context, JSONValue(model.contextLength)),
      .init(keys.heads, JSONValue(model.headCount)),
      .init(keys.layers, JSONValue(model.layerCount)),
    ]
    if let key = keys.headSize {
      fields += [.init("espalier_head_dim", nil), .init(key, JSONValue(model.headSize))]
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
    fields += HuggingFaceWindow(keys).fields(model)
    if let experts = traits.experts, let count = keys.experts, let perToken = keys.expertsPerToken {
      fields += [
        .init(count, JSONValue(experts.count)), .init(perToken, JSONValue(experts.perToken)),
      ]
    }
    return fields
  }

  /// A rate under the family's own key, or under ours where it needs one.
  private func dropout(
    _ own: String?, _ key: String, _ rate: Double
  ) -> HuggingFaceFields.Field {
    own.map { .init($0, JSONValue(rate)) } ?? HuggingFaceFields.own(key, rate, default: 0)
  }

  private func activationFields(
    _ kind: Program.ActivationKind
  ) -> [HuggingFaceFields.Field] {
    keys.activation.prefix(1).map {
      .init($0, .string(Self.activationName(of: kind, keys)))
    }
  }
}
