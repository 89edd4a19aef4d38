// SPDX-License-Identifier: Apache-2.0
import Architectures

/// Repeats the width: n times as many residual components, heads and feed-forward units.
///
/// Shen et al., "Staged Training for Transformer Language Models" (arXiv 2203.06211), whose
/// block-diagonal form is the default, with noise that the copies cancel (Samragh et al., arXiv
/// 2409.12903) so that they do not stay copies.
public struct WidthGrowth: GrowthOperator {
  /// How matrices are made of the small ones.
  public enum Form: String, Sendable, Hashable, CaseIterable, Codable {
    /// The small matrix on the diagonal, zeros elsewhere.
    case blockDiagonal
    /// The small matrix in all n² places, divided by n.
    case divided

    /// That of a growth of which nothing else is said.
    public static let `default` = Form.blockDiagonal
  }

  /// How the copies are parted.
  public enum Symmetry: Sendable, Hashable {
    /// Noise that equal copies cancel, so many decibels below the weights.
    case noise(signalToNoise: Double)
    /// Copies of a feed-forward unit get unequal shares of its output (Wang et al., "LEMON", arXiv
    /// 2310.07999): 1, 3, 5 … parts of n².
    case split
    /// Not at all: without dropout the grown model stays the small one.
    case kept

    /// That of a growth of which nothing else is said.
    public static let `default` = Symmetry.noise(signalToNoise: defaultNoise)
    /// The noise where only noise is asked for.
    public static let defaultNoise = 10.0
  }

  /// How the copies are parted, in the words of files and commands.
  public enum Parting: String, Sendable, Hashable, CaseIterable {
    /// ``Symmetry/noise(signalToNoise:)``.
    case noise
    /// ``Symmetry/split``.
    case split
    /// ``Symmetry/kept``.
    case none

    /// That of a growth of which nothing else is said.
    public static let `default` = Parting.noise
  }

  /// How often the width is repeated.
  public var factor: Int
  /// How matrices are made.
  public var form: Form
  /// How the copies are parted.
  public var symmetry: Symmetry
  /// What the next learning rates are meant for.
  public var learningRates: LearningRatePolicy

  /// A growth of the width.
  public init(
    factor: Int, form: Form = .default, symmetry: Symmetry = .default,
    learningRates: LearningRatePolicy = .default
  ) {
    self.factor = factor
    self.form = form
    self.symmetry = symmetry
    self.learningRates = learningRates
  }

  /// One plan; none for a factor of 1.
  public func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    try GrowthError.check(
      (1...UnitMap.mostCopies).contains(factor), .invalidOptions, subject: "width",
      "\(factor) is not a factor; expected 2 to \(UnitMap.mostCopies)")
    if factor == 1 { return [] }
    try checkNoise()
    var plan = GrowthPlan(
      "width × \(factor)", from: model, to: try target(of: model), guarantees: guarantees)
    // A head of its own gets a part of the gradients that were the embedding's.
    if model.tiesHead, !plan.target.tiesHead {
      plan.guarantees.subtract([.moments, .trajectory])
    }
    let share = 1 / Double(factor)
    for space in [GrowthSpace.stream, .normed, .query, .key, .value, .attended, .feedForward] {
      plan.maps[space] = .repeated(
        space.count(in: model), shares: Array(repeating: share, count: factor))
    }
    plan.maps[.final] = finalMap(model, plan.target)
    if symmetry == .split {
      plan.maps[.feedForward] = .repeated(
        model.intermediateSize, shares: UnitMap.unequalShares(factor))
    }
    if form == .blockDiagonal { plan.blocks = factor }
    if case .noise(let signalToNoise) = symmetry {
      plan.signalToNoise = signalToNoise
      plan.guarantees.subtract(plan.lostToNoise)
    }
    plan.learningRates = learningRates
    return [plan]
  }

  private func checkNoise() throws {
    guard case .noise(let signalToNoise) = symmetry else { return }
    try GrowthError.check(
      Self.noiseRange.contains(signalToNoise), .invalidOptions, subject: "noise",
      "\(signalToNoise) decibels below the weights; expected -40 to 200")
  }

  /// Decibels that leave both weights and noise within float32.
  static let noiseRange = -40.0...200.0

  /// The map of what the head reads: with a tied head the last norm is divided, which the embedding
  /// then repeats; in the divided form the logits are.
  private func finalMap(_ model: ModelConfiguration, _ target: ModelConfiguration) -> UnitMap {
    let share = 1 / Double(factor)
    guard target.tiesHead, target.logitScale == model.logitScale else {
      return .repeated(model.hiddenSize, shares: Array(repeating: share, count: factor))
    }
    // The tied table is divided where the model multiplies token vectors by more.
    let read = model.embeddingScale / target.embeddingScale
    return UnitMap(
      sourceCount: model.hiddenSize,
      runs: (0..<factor).map {
        UnitMap.Run(
          .units(0), count: model.hiddenSize, forward: share / read, backward: read, copy: $0)
      })
  }

  private var guarantees: Guarantees {
    switch symmetry {
    case .noise: [.loss, .symmetry, .liveness]
    case .split: [.loss, .moments, .liveness]
    case .kept:
      learningRates == .smallTrajectory
        ? [.loss, .moments, .trajectory, .liveness] : [.loss, .moments, .liveness]
    }
  }

  private func target(of model: ModelConfiguration) throws -> ModelConfiguration {
    var target = model
    for size in [
      \ModelConfiguration.hiddenSize, \.headCount, \.keyValueHeadCount, \.intermediateSize,
    ] {
      let (product, overflow) = model[keyPath: size].multipliedReportingOverflow(by: factor)
      try GrowthError.check(
        !overflow, .invalidOptions, subject: "width",
        "\(factor) times the width is more than memory holds")
      target[keyPath: size] = product
    }
    if model.tiesHead {
      if model.traits.gain == .none {
        // No norm could divide what a tied head reads.
        target.tiesHead = false
      } else if form == .divided, !model.traits.scalesEmbedding {
        target.logitScale = model.logitScale / Double(factor)
      }
    }
    try target.validate()
    return target
  }
}

extension GrowthParameter {
  /// ``GrowthDescription/width``.
  public static let width = integer(
    "width", .size, \.width, in: 1...UnitMap.mostCopies,
    help: "Repeat the width this many times: residual stream, heads and feed-forward.",
    otherwise: ["hidden", "heads", "ffn"])

  /// ``GrowthDescription/form``.
  public static let form = choice(
    "form", .manner, \.form, help: "How the width's matrices are made of the small ones.",
    defaultValue: .default, speaksOf: ["width"])

  /// ``GrowthDescription/symmetry``.
  public static let symmetry = choice(
    "symmetry", .manner, \.symmetry,
    help: "How copies of the width are parted; none leaves them the small model for ever.",
    defaultValue: .default, speaksOf: ["width"])

  /// ``GrowthDescription/noise``.
  public static let noise = number(
    "noise", .manner, \.noise,
    help:
      "Noise between the copies of the width, in decibels below the weights. Smaller numbers mean "
      + "stronger noise, which multiplies rounding with every layer: the plan says where float32 no "
      + "longer keeps the function.",
    expected: { _ in "decibels, -40 to 200" }, defaultValue: WidthGrowth.Symmetry.defaultNoise,
    speaksOf: ["width"]
  ) { WidthGrowth.noiseRange.contains($0) }

  /// ``GrowthDescription/learningRates``.
  public static let learningRates = choice(
    "learningRates", .manner, \.learningRates,
    help:
      "What the learning rates after the width's growth are meant for: the grown model's training, or "
      + "the small model's trajectory.",
    defaultValue: .default, speaksOf: ["width"])
}

extension UnitMap {
  /// All units once for each share, one copy after the other; a copy's activation is its source's.
  static func repeated(_ count: Int, shares: [Double]) -> UnitMap {
    UnitMap(
      sourceCount: count,
      runs: shares.enumerated().map { Run(.units(0), count: count, backward: $1, copy: $0) })
  }

  /// Shares of 1, 3, 5 … parts, which differ from each other and add up to 1.
  static func unequalShares(_ count: Int) -> [Double] {
    (0..<count).map { unequalShare($0, of: count) }
  }

  /// One of those shares.
  static func unequalShare(_ index: Int, of count: Int) -> Double {
    Double(2 * index + 1) / Double(count * count)
  }
}
