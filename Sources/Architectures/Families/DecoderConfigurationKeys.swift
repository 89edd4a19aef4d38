// SPDX-License-Identifier: Apache-2.0

/// Under which keys a family's `config.json` keeps sizes and switches.
///
/// The defaults are the keys that most families share.
public struct DecoderConfigurationKeys: Sendable, Hashable {
  /// Blocks.
  public var layers = "num_hidden_layers"
  /// Width of the residual stream.
  public var hidden = "hidden_size"
  /// Query heads.
  public var heads = "num_attention_heads"
  /// Key/value heads; nil where they are the query heads.
  public var keyValueHeads: String? = "num_key_value_heads"
  /// Width of a head; nil where it is hidden / heads.
  public var headSize: String?
  /// Width of a head where the file does not say; nil for hidden / heads.
  public var defaultHeadSize: Int?
  /// Inner width of the feed-forward.
  public var intermediate = "intermediate_size"
  /// Positions.
  public var context = "max_position_embeddings"
  /// ε of the norms; nil where it is fixed.
  public var normEpsilon: String? = "rms_norm_eps"
  /// ε where the file does not say.
  public var defaultNormEpsilon = 1e-6
  /// The feed-forward's function; the first key that the file has counts.
  public var activation = ["hidden_act"]
  /// The functions' names, where they mean something else than elsewhere.
  public var activationNames: [String: Program.ActivationKind] = [:]
  /// The base of rotary positions.
  public var rotaryBase = "rope_theta"
  /// The share of a head that turns; nil where all of it does.
  public var rotaryFraction: String?
  /// The share where the file does not say.
  public var defaultRotaryFraction = 1.0
  /// How many positions a query sees; nil where it sees all.
  public var window: String?
  /// Whether attention's maps have biases; nil where the traits say it.
  public var attentionBias: String?
  /// Whether the feed-forward's maps have biases; nil where the traits say it.
  public var feedForwardBias: String?
  /// Whether attention and feed-forward are added at once; nil where the traits say it.
  public var parallel: String?
  /// The number of experts; nil for one feed-forward.
  public var experts: String?
  /// The number of experts that a token takes.
  public var expertsPerToken: String?
  /// Whether the head is the token embedding where the file does not say.
  public var tiesHead = false
  /// Keys of features that no program computes: they must be missing, null or false.
  public var unsupported: [String] = []
  /// The dropout rate after the embeddings; nil where no key is the family's own.
  public var embeddingDropout: String?
  /// The dropout rate on each branch; nil where no key is the family's own.
  public var residualDropout: String?
  /// Whether there is a window at all; nil where the window's own key says it.
  public var windowSwitch: String?
  /// How many layers before the first with a window see all; nil for none.
  public var layersBeforeWindow: String?
  /// What each layer sees; nil where the family does not heed it.
  public var layerTypes: String? = "layer_types"
  /// How the family may stretch rotary frequencies.
  public var rotaryScalings = ["linear", "llama3"]
  /// Whether heads must share the width without a rest; else the rest is left out.
  public var headsDivideWidth = true
  /// What keys mean that the file leaves out; the fields above say it where a key is not named here.
  public var defaults: [String: ConfigurationValue] = [:]
  /// Keys by another name, which count before their own.
  public var aliases: [String: String] = [:]
  /// The keys that may be null, beside those that may be so everywhere; nil for all.
  public var nullable: [String]?

  /// The keys that most families share.
  public init() {}

  /// Changes some.
  func with(_ change: (inout DecoderConfigurationKeys) -> Void) -> DecoderConfigurationKeys {
    var copy = self
    change(&copy)
    return copy
  }
}

extension DecoderConfigurationKeys: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case layers, hidden, heads, keyValueHeads, headSize, defaultHeadSize, intermediate, context
    case normEpsilon, defaultNormEpsilon, activation, activationNames, rotaryBase, rotaryFraction
    case defaultRotaryFraction, window, attentionBias, feedForwardBias, parallel
    case experts, expertsPerToken, tiesHead, unsupported, embeddingDropout, residualDropout
    case windowSwitch, layersBeforeWindow, layerTypes, rotaryScalings, headsDivideWidth
    case defaults, aliases, nullable
  }

  /// Reads keys; what is not named is as in most families.
  ///
  /// `null` says that there is none.
  public init(from decoder: any Decoder) throws {
    try decoder.refuseUnknownKeys(CodingKeys.self)
    let keys = try decoder.container(keyedBy: CodingKeys.self)
    func read<Value: Decodable>(_ key: CodingKeys, _ value: inout Value) throws {
      value = try keys.decodeIfPresent(Value.self, forKey: key) ?? value
    }
    func readOptional<Value: Decodable>(_ key: CodingKeys, _ value: inout Value?) throws {
      guard keys.contains(key) else { return }
      value = try keys.decodeIfPresent(Value.self, forKey: key)
    }
    try read(.layers, &layers)
    try read(.hidden, &hidden)
    try read(.heads, &heads)
    try readOptional(.keyValueHeads, &keyValueHeads)
    try readOptional(.headSize, &headSize)
    try readOptional(.defaultHeadSize, &defaultHeadSize)
    try read(.intermediate, &intermediate)
    try read(.context, &context)
    try readOptional(.normEpsilon, &normEpsilon)
    try read(.defaultNormEpsilon, &defaultNormEpsilon)
    try read(.activation, &activation)
    try read(.activationNames, &activationNames)
    try read(.rotaryBase, &rotaryBase)
    try readOptional(.rotaryFraction, &rotaryFraction)
    try read(.defaultRotaryFraction, &defaultRotaryFraction)
    try readOptional(.window, &window)
    try readOptional(.attentionBias, &attentionBias)
    try readOptional(.feedForwardBias, &feedForwardBias)
    try readOptional(.parallel, &parallel)
    try readOptional(.experts, &experts)
    try readOptional(.expertsPerToken, &expertsPerToken)
    try read(.tiesHead, &tiesHead)
    try read(.unsupported, &unsupported)
    try readOptional(.embeddingDropout, &embeddingDropout)
    try readOptional(.residualDropout, &residualDropout)
    try readOptional(.windowSwitch, &windowSwitch)
    try readOptional(.layersBeforeWindow, &layersBeforeWindow)
    try readOptional(.layerTypes, &layerTypes)
    try read(.rotaryScalings, &rotaryScalings)
    try read(.headsDivideWidth, &headsDivideWidth)
    try read(.defaults, &defaults)
    try read(.aliases, &aliases)
    try readOptional(.nullable, &nullable)
  }

  /// Writes all keys; `null` for what there is none of.
  public func encode(to encoder: any Encoder) throws {
    var keys = encoder.container(keyedBy: CodingKeys.self)
    try keys.encode(layers, forKey: .layers)
    try keys.encode(hidden, forKey: .hidden)
    try keys.encode(heads, forKey: .heads)
    try keys.encode(keyValueHeads, forKey: .keyValueHeads)
    try keys.encode(headSize, forKey: .headSize)
    try keys.encode(defaultHeadSize, forKey: .defaultHeadSize)
    try keys.encode(intermediate, forKey: .intermediate)
    try keys.encode(context, forKey: .context)
    try keys.encode(normEpsilon, forKey: .normEpsilon)
    try keys.encode(defaultNormEpsilon, forKey: .defaultNormEpsilon)
    try keys.encode(activation, forKey: .activation)
    try keys.encode(activationNames, forKey: .activationNames)
    try keys.encode(rotaryBase, forKey: .rotaryBase)
    try keys.encode(rotaryFraction, forKey: .rotaryFraction)
    try keys.encode(defaultRotaryFraction, forKey: .defaultRotaryFraction)
    try keys.encode(window, forKey: .window)
    try keys.encode(attentionBias, forKey: .attentionBias)
    try keys.encode(feedForwardBias, forKey: .feedForwardBias)
    try keys.encode(parallel, forKey: .parallel)
    try keys.encode(experts, forKey: .experts)
    try keys.encode(expertsPerToken, forKey: .expertsPerToken)
    try keys.encode(tiesHead, forKey: .tiesHead)
    try keys.encode(unsupported, forKey: .unsupported)
    try keys.encode(embeddingDropout, forKey: .embeddingDropout)
    try keys.encode(residualDropout, forKey: .residualDropout)
    try keys.encode(windowSwitch, forKey: .windowSwitch)
    try keys.encode(layersBeforeWindow, forKey: .layersBeforeWindow)
    try keys.encode(layerTypes, forKey: .layerTypes)
    try keys.encode(rotaryScalings, forKey: .rotaryScalings)
    try keys.encode(headsDivideWidth, forKey: .headsDivideWidth)
    try keys.encode(defaults, forKey: .defaults)
    try keys.encode(aliases, forKey: .aliases)
    try keys.encode(nullable, forKey: .nullable)
  }
}
