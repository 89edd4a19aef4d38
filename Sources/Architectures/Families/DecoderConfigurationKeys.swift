// SPDX-License-Identifier: Apache-2.0
import Documents

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

/// In files what is not named is as in most families; `null` says that there is none.
extension DecoderConfigurationKeys: FieldCoded {
  package init(_ fields: FieldCoder, of old: DecoderConfigurationKeys?) throws {
    self.init()
    layers = try fields.given("layers", old?.layers, default: layers)
    hidden = try fields.given("hidden", old?.hidden, default: hidden)
    heads = try fields.given("heads", old?.heads, default: heads)
    keyValueHeads = try fields.explicit(
      "keyValueHeads", old.map(\.keyValueHeads), default: keyValueHeads)
    headSize = try fields.explicit("headSize", old.map(\.headSize), default: headSize)
    defaultHeadSize = try fields.explicit(
      "defaultHeadSize", old.map(\.defaultHeadSize), default: defaultHeadSize)
    intermediate = try fields.given("intermediate", old?.intermediate, default: intermediate)
    context = try fields.given("context", old?.context, default: context)
    normEpsilon = try fields.explicit("normEpsilon", old.map(\.normEpsilon), default: normEpsilon)
    defaultNormEpsilon = try fields.given(
      "defaultNormEpsilon", old?.defaultNormEpsilon, default: defaultNormEpsilon)
    activation = try fields.given("activation", old?.activation, default: activation)
    activationNames = try fields.given(
      "activationNames", old?.activationNames, default: activationNames)
    rotaryBase = try fields.given("rotaryBase", old?.rotaryBase, default: rotaryBase)
    rotaryFraction = try fields.explicit(
      "rotaryFraction", old.map(\.rotaryFraction), default: rotaryFraction)
    defaultRotaryFraction = try fields.given(
      "defaultRotaryFraction", old?.defaultRotaryFraction, default: defaultRotaryFraction)
    window = try fields.explicit("window", old.map(\.window), default: window)
    attentionBias = try fields.explicit(
      "attentionBias", old.map(\.attentionBias), default: attentionBias)
    feedForwardBias = try fields.explicit(
      "feedForwardBias", old.map(\.feedForwardBias), default: feedForwardBias)
    parallel = try fields.explicit("parallel", old.map(\.parallel), default: parallel)
    experts = try fields.explicit("experts", old.map(\.experts), default: experts)
    expertsPerToken = try fields.explicit(
      "expertsPerToken", old.map(\.expertsPerToken), default: expertsPerToken)
    tiesHead = try fields.given("tiesHead", old?.tiesHead, default: tiesHead)
    unsupported = try fields.given("unsupported", old?.unsupported, default: unsupported)
    embeddingDropout = try fields.explicit(
      "embeddingDropout", old.map(\.embeddingDropout), default: embeddingDropout)
    residualDropout = try fields.explicit(
      "residualDropout", old.map(\.residualDropout), default: residualDropout)
    windowSwitch = try fields.explicit(
      "windowSwitch", old.map(\.windowSwitch), default: windowSwitch)
    layersBeforeWindow = try fields.explicit(
      "layersBeforeWindow", old.map(\.layersBeforeWindow), default: layersBeforeWindow)
    layerTypes = try fields.explicit("layerTypes", old.map(\.layerTypes), default: layerTypes)
    rotaryScalings = try fields.given(
      "rotaryScalings", old?.rotaryScalings, default: rotaryScalings)
    headsDivideWidth = try fields.given(
      "headsDivideWidth", old?.headsDivideWidth, default: headsDivideWidth)
    defaults = try fields.given("defaults", old?.defaults, default: defaults)
    aliases = try fields.given("aliases", old?.aliases, default: aliases)
    nullable = try fields.explicit("nullable", old.map(\.nullable), default: nullable)
    try fields.refuseOthers()
  }
}
