// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// An option that says how often something is repeated.
struct GrowthFactor {
  /// What other numbers are reached by.
  let remedy: String

  static let width = GrowthFactor(
    remedy: "--hidden, --heads and --ffn reach any size; --width repeats all three as they are")
  static let depth = GrowthFactor(
    remedy: "--layers reaches any number of layers; --depth repeats them as they are")

  private static let factors = 2...1 << 16

  /// Reads a factor.
  ///
  /// - Throws: `ValidationError` that says which option takes other numbers.
  func value(_ argument: String) throws -> Int {
    guard let factor = Int(argument), Self.factors.contains(factor) else {
      throw ValidationError(
        "expected a whole factor, \(Self.factors.lowerBound) to \(Self.factors.upperBound); \(remedy)"
      )
    }
    return factor
  }
}

/// What grows, and to which sizes.
struct GrowthSizeOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: "Repeat the width so many times: residual stream, heads and feed-forward.",
    transform: GrowthFactor.width.value)
  var width: Int?

  @Option(
    parsing: .unconditional, help: "So many times as many layers.",
    transform: GrowthFactor.depth.value)
  var depth: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "So many layers, or the source of each of them, from 0: 0-5,2-7.", valueName: "count|list"))
  var layers: LayerRequest?

  @Option(parsing: .unconditional, help: "The inner size of the feed-forward.")
  var ffn: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Query heads, and key/value heads; without the latter, groups keep their size.",
      valueName: "heads[:kv]"))
  var heads: HeadRequest?

  @Option(parsing: .unconditional, help: "The size of a head.")
  var headSize: Int?

  @Option(parsing: .unconditional, help: "The width of the residual stream, by padding.")
  var hidden: Int?

  @Option(
    parsing: .unconditional,
    help: "Tokens in the vocabulary; new ones begin at the mean of the old.")
  var vocabulary: Int?

  @Option(parsing: .unconditional, help: "The context length.")
  var context: Int?

  @Option(
    help: ArgumentHelp(
      "All that it takes to reach this config.json, instead of single sizes.",
      valueName: "config.json"),
    completion: .file(extensions: ["json"]))
  var to: String?

  private var single: [(name: String, isGiven: Bool)] {
    [
      ("--width", width != nil), ("--depth", depth != nil), ("--layers", layers != nil),
      ("--ffn", ffn != nil), ("--heads", heads != nil), ("--head-size", headSize != nil),
      ("--hidden", hidden != nil), ("--vocabulary", vocabulary != nil),
      ("--context", context != nil),
    ]
  }

  /// Whether anything grows.
  var areGiven: Bool { to != nil || single.contains { $0.isGiven } }
  /// Whether blocks may be added.
  var addLayers: Bool { to != nil || depth != nil || layers != nil }
  /// Whether the width may be repeated.
  var repeatWidth: Bool { to != nil || width != nil }

  func validate() throws {
    if to != nil, let other = single.first(where: \.isGiven) {
      throw ValidationError("--to states every size; \(other.name) does not go with it.")
    }
    if depth != nil, layers != nil {
      throw ValidationError("--depth and --layers both state the layers; give one of them.")
    }
  }
}

/// How the growths are done.
struct GrowthMannerOptions: ParsableArguments {
  /// How copies of the width are parted.
  enum Symmetry: String, ExpressibleByArgument, CaseIterable {
    case none, split, noise
  }

  @Option(
    name: .customLong("operator"), parsing: .singleValue,
    help: ArgumentHelp(
      "How the width grows (\(WidthForm.choices)) and what a new layer is (\(LayerForm.choices)); may "
        + "be given once for each.", valueName: "form"))
  var operators: [OperatorRequest] = []

  @Option(help: "Where new layers go: interleaved (default), appended or middle.")
  var placement: PlacementRequest?

  @Option(
    parsing: .unconditional,
    help: """
      Noise between the copies of the width, in decibels below the weights; default 10. Smaller \
      numbers mean stronger noise, which multiplies rounding with every layer: the plan says \
      where float32 no longer keeps the function.
      """)
  var noise: Double?

  @Option(help: "How copies of the width are parted; none leaves them the small model for ever.")
  var symmetry: Symmetry?

  @Option(
    help: """
      What added feed-forward units are: duplicate, copies with unequal shares (default), or new.
      """)
  var units: FeedForwardGrowth.Units?

  @Option(help: "What becomes of learned positions: extended (default) or interpolated.")
  var positions: ContextGrowth.Positions?

  @Option(
    help: """
      What the learning rates after --width are meant for: target (default), or small-trajectory.
      """)
  var learningRates: LearningRateRequest?

  /// Checks that every option has something to speak of.
  func checkUse(with sizes: GrowthSizeOptions) throws {
    let uses: [(String, isGiven: Bool, applies: Bool, needs: String)] = [
      ("--noise", noise != nil, sizes.repeatWidth, "--width or --to"),
      ("--symmetry", symmetry != nil, sizes.repeatWidth, "--width or --to"),
      ("--learning-rates", learningRates != nil, sizes.width != nil, "--width"),
      ("--placement", placement != nil, sizes.addLayers, "--depth, --layers or --to"),
      ("--units", units != nil, sizes.ffn != nil || sizes.to != nil, "--ffn or --to"),
      (
        "--positions", positions != nil, sizes.context != nil || sizes.to != nil,
        "--context or --to"
      ),
      ("--operator of the width", widthForm != nil, sizes.repeatWidth, "--width or --to"),
      ("--operator of layers", block != nil, sizes.addLayers, "--depth, --layers or --to"),
    ]
    for (name, isGiven, applies, needs) in uses where isGiven && !applies {
      throw ValidationError("\(name) does nothing without \(needs).")
    }
    if case .sources = sizes.layers, placement != nil {
      throw ValidationError("--placement does not go with a list of --layers, which places them.")
    }
  }

  func validate() throws {
    guard operators.count(where: \.isWidth) <= 1, operators.count(where: { !$0.isWidth }) <= 1
    else {
      throw ValidationError("--operator is given twice for the same.")
    }
    if let noise, !(-40...200).contains(noise) {
      throw ValidationError("--noise is \(noise); expected decibels, -40 to 200.")
    }
    if noise != nil, let symmetry, symmetry != .noise {
      throw ValidationError("--noise does not go with --symmetry \(symmetry.rawValue).")
    }
  }

  /// The form of the width's growth; nil where none is given.
  var widthForm: WidthGrowth.Form? {
    operators.compactMap { if case .width(let form) = $0 { form } else { nil } }.first
  }
  /// What a new block is; nil where nothing is given.
  var block: DepthGrowth.Block? {
    operators.compactMap { if case .layer(let block) = $0 { block } else { nil } }.first
  }
  /// How copies of the width are parted.
  var widthSymmetry: WidthGrowth.Symmetry {
    switch symmetry ?? .noise {
    case .none: .kept
    case .split: .split
    case .noise: .noise(signalToNoise: noise ?? 10)
    }
  }
}
