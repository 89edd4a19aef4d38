// SPDX-License-Identifier: Apache-2.0
import Architectures
import Training

/// A growth as somebody asks for it: sizes, manner, and what becomes of the training.
///
/// What is nil was not said. Without sizes a growth goes straight to a model that is known otherwise.
/// ``parameters`` has how each is spelled, what it takes and what it does.
public struct GrowthDescription: Sendable, Hashable {
  // MARK: Sizes

  /// How often the width is repeated.
  public var width: Int?
  /// The width of the residual stream, reached by padding.
  public var hidden: Int?
  /// Attention heads.
  public var heads: HeadGrowth?
  /// The size of a head.
  public var headSize: Int?
  /// The inner size of the feed-forward.
  public var feedForward: Int?
  /// Experts.
  public var experts: ExpertGrowth?
  /// How often the depth is repeated.
  public var depth: Int?
  /// How many blocks there are, or what each is made of.
  public var layers: DepthGrowth.Layers?
  /// Tokens in the vocabulary.
  public var vocabulary: Int?
  /// The context length.
  public var context: Int?

  // MARK: Manner

  /// How matrices are made where the width is repeated.
  public var form: WidthGrowth.Form?
  /// How copies of the width are parted.
  public var symmetry: WidthGrowth.Parting?
  /// The noise between them, in decibels below the weights.
  public var noise: Double?
  /// What the learning rates after the width's growth are meant for.
  public var learningRates: LearningRatePolicy?
  /// What added feed-forward units are.
  public var units: FeedForwardGrowth.Units?
  /// Into how many experts each copy of the feed-forward is cut.
  public var expertParts: Int?
  /// What a new block is.
  public var block: DepthGrowth.Block?
  /// Where new blocks go.
  public var placement: DepthGrowth.Placement?
  /// The factor on what copied blocks write to the residual stream.
  public var outputScale: Double?
  /// What becomes of learned positions.
  public var positions: ContextGrowth.Positions?

  // MARK: Training

  /// What becomes of the moments.
  public var moments: MomentPolicy?
  /// The factor on the learning rate of new entries.
  public var newRate: Double?
  /// The steps over which it goes to 1.
  public var newRateSteps: Int?
  /// Where the learning-rate schedule goes on.
  public var schedule: SchedulePlacement?
  /// How long the rate rises again; an amount of 0 for not at all.
  public var rewarmup: TrainingDuration?

  /// A growth of which nothing is said.
  public init() {}
}

extension GrowthDescription {
  /// Everything that can be said of a growth, in the order in which sizes grow.
  public static let parameters: [GrowthParameter] = [
    .width, .hidden, .heads, .headSize, .feedForward, .experts, .depth, .layers, .vocabulary,
    .context, .form, .symmetry, .noise, .learningRates, .units, .expertParts, .block, .placement,
    .outputScale, .positions, .moments, .newRate, .newRateSteps,
    .schedule, .rewarmup,
  ]

  /// The parameters of a group.
  public static func parameters(_ group: GrowthParameter.Group) -> [GrowthParameter] {
    parameters.filter { $0.group == group }
  }

  /// The parameters of which something is said.
  public var given: [GrowthParameter] {
    Self.parameters.filter { $0.written(in: self) != nil }
  }

  /// Whether a size is said.
  public var hasSizes: Bool { !sizeNames.isEmpty }

  /// The names of the sizes that are said.
  public var sizeNames: Set<String> {
    Set(given.filter { $0.group == .size }.map(\.name))
  }

  /// The same with what a growth leaves to defaults written out, where they speak of its sizes.
  public var spelledOut: GrowthDescription {
    let sizes = sizeNames
    var result = self
    for parameter in Self.parameters where parameter.written(in: self) == nil {
      guard let value = parameter.defaultValue, parameter.applies(toSizes: sizes) else { continue }
      _ = parameter.set(value, in: &result)
    }
    if result.symmetry != .noise { result.noise = nil }
    if newRate == nil { result.newRateSteps = nil }
    if result.block != .copy { result.outputScale = nil }
    if case .sources? = result.layers { result.placement = nil }
    return result
  }
}

extension GrowthDescription {
  /// What goes ill together, with the parameter that is to be changed; nil where nothing does.
  ///
  /// - Parameter spelling: how the message names parameters.
  public func conflict(
    _ spelling: GrowthParameter.Spelling
  ) -> (parameter: GrowthParameter, message: String)? {
    func named(_ parameter: GrowthParameter) -> String { parameter.name(spelling) }
    func pair(_ parameter: GrowthParameter, _ word: String) -> String {
      "\(named(parameter))\(spelling == .key ? ": " : " ")\(GrowthParameter.word(word, spelling))"
    }
    if depth != nil, layers != nil {
      return (
        .layers, "\(named(.depth)) and \(named(.layers)) both state the layers; give one of them"
      )
    }
    if noise != nil, let symmetry, symmetry != .noise {
      return (
        .noise,
        "there is no noise with \(pair(.symmetry, symmetry.rawValue)); remove one of them"
      )
    }
    if case .sources? = layers, placement != nil {
      return (
        .placement, "a list of \(named(.layers)) places them; remove \(named(.placement))"
      )
    }
    if newRateSteps != nil, newRate == nil {
      return (.newRateSteps, "\(named(.newRateSteps)) does nothing without \(named(.newRate))")
    }
    if expertParts != nil, experts == nil {
      return (.expertParts, "\(named(.expertParts)) does nothing without \(named(.experts))")
    }
    if outputScale != nil, block != .copy {
      return (
        .outputScale,
        "\(named(.outputScale)) does nothing without "
          + pair(.block, DepthGrowth.Block.copy.rawValue)
      )
    }
    return nil
  }

  /// The operators in their order, as one.
  ///
  /// - Parameters:
  ///   - target: where a growth without sizes goes to; nil for nowhere.
  ///   - naming: how errors name the target and its fields.
  ///   - stack: what is done instead of a growth in depth; nil for nothing.
  public func growth(
    to target: ModelConfiguration? = nil,
    naming: ConfigurationGrowth.Naming = .init(),
    stack: (any GrowthOperator)? = nil
  ) -> GrowthSequence {
    if !hasSizes, let target {
      var growth = configurationGrowth(to: target)
      growth.naming = naming
      return GrowthSequence([growth])
    }
    var growths: [any GrowthOperator] = []
    if let width { growths.append(widthGrowth(width)) }
    if let hidden { growths.append(ResidualGrowth(to: hidden)) }
    if let heads { growths.append(heads) }
    if let headSize { growths.append(HeadSizeGrowth(to: headSize)) }
    if let feedForward {
      growths.append(FeedForwardGrowth(to: feedForward, units: units ?? .default))
    }
    if var experts {
      experts.parts = expertParts ?? experts.parts
      growths.append(experts)
    }
    if let depth = stack ?? depthGrowth { growths.append(depth) }
    if let vocabulary { growths.append(VocabularyGrowth(to: vocabulary)) }
    if let context {
      growths.append(ContextGrowth(to: context, positions: positions ?? .default))
    }
    return GrowthSequence(growths)
  }

  /// What the options of a growth are, with a seed of its own.
  public func options(seed: UInt64) -> GrowthOptions {
    GrowthOptions(
      seed: seed, moments: moments ?? .default,
      schedule: .placed(schedule, rewarmup: rewarmup),
      newEntryRate: newRate.map {
        NewEntries.Rate(factor: $0, steps: newRateSteps ?? NewEntries.Rate.defaultSteps)
      })
  }

  private func widthGrowth(_ factor: Int) -> WidthGrowth {
    WidthGrowth(
      factor: factor, form: form ?? .default, symmetry: widthSymmetry,
      learningRates: learningRates ?? .default)
  }

  private var widthSymmetry: WidthGrowth.Symmetry {
    switch symmetry ?? .default {
    case .noise: noise.map { .noise(signalToNoise: $0) } ?? .default
    case .split: .split
    case .none: .kept
    }
  }

  private var depthGrowth: DepthGrowth? {
    let (block, placement) = (block ?? .default, placement ?? .default)
    var growth: DepthGrowth
    switch (layers, depth) {
    case (.sources(let sources)?, _): growth = DepthGrowth(sources: sources, block: block)
    case (.count(let count)?, _):
      growth = DepthGrowth(to: count, block: block, placement: placement)
    case (nil, let factor?):
      growth = DepthGrowth(factor: factor, block: block, placement: placement)
    case (nil, nil): return nil
    }
    growth.outputScale = outputScale ?? growth.outputScale
    return growth
  }

  private func configurationGrowth(to target: ModelConfiguration) -> ConfigurationGrowth {
    var growth = ConfigurationGrowth(
      to: target, form: form ?? .default, symmetry: widthSymmetry, feedForward: units ?? .default,
      block: block ?? .default, placement: placement ?? .default,
      positions: positions ?? .default)
    growth.learningRates = learningRates ?? growth.learningRates
    growth.outputScale = outputScale ?? growth.outputScale
    return growth
  }
}
