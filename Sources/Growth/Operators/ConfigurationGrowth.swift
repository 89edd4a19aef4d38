// SPDX-License-Identifier: Apache-2.0
import Architectures

/// Grows a model to a configuration, by all the growths that it takes.
///
/// Where residual stream and heads are multiples of the model's, and the feed-forward is large
/// enough, the width is repeated by the greatest such factor; the rest grows along single axes. Depth
/// follows, then vocabulary and context. What is promised is what all of these promise.
///
/// Two fields follow from the others: ε falls where the residual stream is padded, and the divided
/// form scales the logits of a tied head. The configuration may state the model's values or those
/// that the grown model must have; the grown model has the latter.
public struct ConfigurationGrowth: GrowthOperator {
  /// The configuration to be reached.
  public var configuration: ModelConfiguration
  /// How the width is repeated.
  public var form: WidthGrowth.Form
  /// How copies of the width are parted.
  public var symmetry: WidthGrowth.Symmetry
  /// What the learning rates after the width's growth are meant for.
  public var learningRates = LearningRatePolicy.default
  /// What added feed-forward units are, beyond the width's factor.
  public var feedForward: FeedForwardGrowth.Units
  /// What a new block is.
  public var block: DepthGrowth.Block
  /// Where new blocks go.
  public var placement: DepthGrowth.Placement
  /// The factor on what plain copies of blocks write to the residual stream.
  public var outputScale = 1.0
  /// What becomes of a table of positions.
  public var positions: ContextGrowth.Positions
  /// The noise on new tokens, as a multiple of the initializer's.
  public var vocabularyNoise: Double

  /// How errors name the configuration and its fields.
  public var naming = Naming()

  /// How errors name a configuration that is to be reached, and its fields.
  public struct Naming: Sendable {
    /// What all of it is called: a file, a part of a recipe.
    public var subject: String
    /// What a field of ``ModelConfiguration`` is called there.
    public var field: @Sendable (String) -> String

    /// Names; without any those of ``ModelConfiguration``.
    public init(
      subject: String = "configuration",
      field: @escaping @Sendable (String) -> String = { $0 }
    ) {
      self.subject = subject
      self.field = field
    }
  }

  /// A growth to a configuration.
  public init(
    to configuration: ModelConfiguration, form: WidthGrowth.Form = .default,
    symmetry: WidthGrowth.Symmetry = .default, feedForward: FeedForwardGrowth.Units = .default,
    block: DepthGrowth.Block = .default, placement: DepthGrowth.Placement = .default,
    positions: ContextGrowth.Positions = .default,
    vocabularyNoise: Double = VocabularyGrowth.defaultNoise
  ) {
    self.configuration = configuration
    self.form = form
    self.symmetry = symmetry
    self.feedForward = feedForward
    self.block = block
    self.placement = placement
    self.positions = positions
    self.vocabularyNoise = vocabularyNoise
  }

  /// One plan for each growth it takes; none where the configuration is the model's.
  ///
  /// - Throws: ``GrowthError`` of code `unreachable` that lists every field in the way.
  public func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    try model.validate()
    try configuration.validate()
    let obstacles = try familyObstacles(model) + axisObstacles(model)
    try checkReachable(obstacles)
    var plans = try named { try steps(from: model).plans(from: model) }
    let reached = plans.last?.target ?? model
    try checkReachable(derivedObstacles(model, reached))
    plans += dropoutPlan(reached)
    return plans
  }

  // MARK: What is in the way

  private func checkReachable(_ obstacles: [String]) throws {
    try GrowthError.check(
      obstacles.isEmpty, .unreachable, subject: naming.subject,
      obstacles.joined(separator: "; "))
  }

  /// An obstacle in words.
  private func obstacle(_ field: String, _ message: String) -> String {
    "\(naming.field(field)): \(message)"
  }

  /// Does something, and names sizes in its errors as the configuration does.
  private func named<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as GrowthError
      where Self.sizes.contains(where: { $0.field == error.subject })
    {
      throw GrowthError(error.code, obstacle(error.subject, error.message), subject: naming.subject)
    }
  }

  /// All sizes, as ``ModelConfiguration`` calls them.
  package static let sizes: [(field: String, size: KeyPath<ModelConfiguration, Int> & Sendable)] = [
    ("hiddenSize", \.hiddenSize), ("headCount", \.headCount),
    ("keyValueHeadCount", \.keyValueHeadCount), ("headSize", \.headSize),
    ("intermediateSize", \.intermediateSize), ("layerCount", \.layerCount),
    ("vocabularySize", \.vocabularySize), ("contextLength", \.contextLength),
  ]

  /// No growth changes these.
  private func familyObstacles(_ model: ModelConfiguration) -> [String] {
    var result: [String] = []
    if configuration.family != model.family {
      result.append(
        obstacle(
          "architecture",
          "\(configuration.family.name) is another family than the model's \(model.family.name)"))
    }
    if configuration.tiesHead != model.tiesHead {
      result.append(
        obstacle(
          "tiesHead",
          "\(configuration.tiesHead) where the model has \(model.tiesHead); growth keeps it"))
    }
    return result
  }

  /// What the growths along single axes refuse; what they can reach together, each can alone.
  private func axisObstacles(_ model: ModelConfiguration) throws -> [String] {
    guard configuration.family == model.family else { return sizeObstacles(model) }
    // Whether padding leaves dead zeros depends on the other growths, so the steps say it.
    let axes: [any GrowthOperator] = [
      residual(followedBy: true), heads, headSize, feedForwardGrowth, depth, vocabulary,
      try context(model),
    ]
    return try axes.compactMap { axis in
      do {
        _ = try axis.plans(from: model)
        return nil
      } catch let error as GrowthError where error.code == .unreachable {
        let field = error.subject == "depth" ? "layerCount" : error.subject
        return obstacle(field, error.message)
      }
    }
  }

  /// Of another family's configuration only the sizes can be compared.
  private func sizeObstacles(_ model: ModelConfiguration) -> [String] {
    Self.sizes.compactMap { field, size in
      do {
        try GrowthError.checkGrows(
          field, from: model[keyPath: size], to: configuration[keyPath: size])
        return nil
      } catch let error as GrowthError {
        return obstacle(field, error.message)
      } catch {
        return nil
      }
    }
  }

  /// Fields that follow from the growth, where the configuration states others.
  private func derivedObstacles(
    _ model: ModelConfiguration, _ reached: ModelConfiguration
  ) -> [String] {
    let fields: [(String, KeyPath<ModelConfiguration, Double>)] = [
      ("normEpsilon", \.normEpsilon), ("logitScale", \.logitScale),
    ]
    return fields.compactMap { field, value in
      let (wanted, got) = (configuration[keyPath: value], reached[keyPath: value])
      // The same value, but for the rounding of a decimal in a file.
      let isMet = abs(wanted - got) <= 1e-9 * got || wanted == model[keyPath: value]
      return isMet
        ? nil
        : obstacle(
          field,
          "\(wanted); the grown model must have \(got): write that, or the model's own, "
            + "\(model[keyPath: value])")
    }
  }

  // MARK: The growths

  private var heads: HeadGrowth {
    HeadGrowth(
      queryHeads: configuration.headCount, keyValueHeads: configuration.keyValueHeadCount)
  }
  private var headSize: HeadSizeGrowth { HeadSizeGrowth(to: configuration.headSize) }
  private var feedForwardGrowth: FeedForwardGrowth {
    FeedForwardGrowth(to: configuration.intermediateSize, units: feedForward)
  }
  private var depth: DepthGrowth {
    var growth = DepthGrowth(to: configuration.layerCount, block: block, placement: placement)
    growth.outputScale = outputScale
    return growth
  }
  private var vocabulary: VocabularyGrowth {
    VocabularyGrowth(to: configuration.vocabularySize, noise: vocabularyNoise)
  }

  private func residual(followedBy blocks: Bool) -> ResidualGrowth {
    var growth = ResidualGrowth(to: configuration.hiddenSize)
    growth.isFollowedByBlocks = blocks
    return growth
  }

  private func context(_ model: ModelConfiguration) throws -> ContextGrowth {
    ContextGrowth(
      to: configuration.contextLength, positions: positions,
      rotary: model.turnsPairs ? configuration.rotary ?? RotaryEmbedding() : nil)
  }

  private func steps(from model: ModelConfiguration) throws -> GrowthSequence {
    GrowthSequence([
      WidthGrowth(
        factor: widthFactor(from: model), form: form, symmetry: symmetry,
        learningRates: learningRates),
      residual(followedBy: model.layerCount == 0 && configuration.layerCount > 0), heads,
      headSize, feedForwardGrowth, depth, vocabulary, try context(model),
    ])
  }

  /// The greatest factor by which the width can be repeated on the way to the configuration.
  func widthFactor(from model: ModelConfiguration) -> Int {
    let most = min(
      configuration.hiddenSize / model.hiddenSize, configuration.headCount / model.headCount,
      configuration.keyValueHeadCount / model.keyValueHeadCount,
      configuration.intermediateSize / model.intermediateSize)
    let factors = stride(from: most, to: 1, by: -1)
    return factors.first { factor in
      configuration.hiddenSize.isMultiple(of: factor * model.hiddenSize)
        && configuration.headCount.isMultiple(of: factor * model.headCount)
        && configuration.keyValueHeadCount.isMultiple(of: factor * model.keyValueHeadCount)
    } ?? 1
  }

  /// Dropout is no part of what the model computes, so any rates will do.
  private func dropoutPlan(_ reached: ModelConfiguration) -> [GrowthPlan] {
    guard configuration.dropout != reached.dropout else { return [] }
    var target = reached
    target.dropout = configuration.dropout
    return [
      GrowthPlan("dropout", from: reached, to: target, guarantees: Set(Guarantee.allCases))
    ]
  }
}
