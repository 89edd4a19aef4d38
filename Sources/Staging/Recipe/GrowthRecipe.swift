// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Training

/// A stage's `grow`: what is grown, and how.
///
/// Without sizes, the growth goes straight to the recipe's model.
public struct GrowthRecipe: Sendable, Hashable {
  /// How often the width is repeated; nil for the sizes of the recipe's model.
  public var width: Int?
  /// How often the depth is repeated; nil for no growth in depth where `width` is given.
  public var depth: Int?
  /// How many blocks there are then, instead of `depth`.
  public var layerCount: Int?
  /// How matrices are made.
  public var form = WidthGrowth.Form.blockDiagonal
  /// How copies are parted.
  public var symmetry = WidthGrowth.Symmetry.noise(signalToNoise: 10)
  /// What a new block is.
  public var block = DepthGrowth.Block.identityByOutput
  /// Where new blocks go.
  public var placement = DepthGrowth.Placement.interleaved
  /// What becomes of the moments.
  public var moments = MomentPolicy.mapped
  /// Where the learning-rate schedule goes on.
  public var schedule = SchedulePlacement.automatic
  /// How long the rate rises again; nil for a fifteenth of the schedule's warm-up, as in the paper,
  /// where the schedule moves.
  public var rewarmup: TrainingDuration?

  /// Factors by which the width may be grown at once.
  static let factors = 1...64

  /// A growth straight to the recipe's model.
  public init() {}
}

extension GrowthRecipe {
  private enum SymmetryWord: String, CaseIterable { case noise, split, none }
  private enum PlacementWord: String, CaseIterable { case interleaved, appended, middle }
  private enum ScheduleWord: String, CaseIterable { case auto, keep }

  init(_ value: RecipeValue) throws {
    let keys = try value.mapping(
      keys: [
        "width", "depth", "layers", "form", "symmetry", "noise", "block", "placement", "moments",
        "schedule", "rewarmup",
      ])
    self.init()
    width = try keys["width"]?.integer(in: Self.factors)
    depth = try keys["depth"]?.integer(in: 1...1024)
    layerCount = try keys["layers"]?.integer(in: 1...65536)
    if depth != nil, let layers = keys["layers"] {
      throw layers.conflict("depth says how many layers there are; give one of them")
    }
    form = try keys["form"]?.choice() ?? form
    block = try keys["block"]?.choice() ?? block
    moments = try keys["moments"]?.choice() ?? moments
    placement = try keys["placement"].map { try Self.placement($0) } ?? placement
    schedule = try keys["schedule"].map { try Self.schedule($0) } ?? schedule
    rewarmup = try keys["rewarmup"]?.duration(.work, allowsZero: true)
    try readSymmetry(keys)
  }

  private mutating func readSymmetry(_ keys: RecipeMapping) throws {
    let noise = try keys["noise"]?.number("decibels between 0 and 100") { (0...100).contains($0) }
    let word = try keys["symmetry"]?.choice(SymmetryWord.self) ?? .noise
    if word != .noise, let noise = keys["noise"] {
      throw noise.conflict("there is no noise with symmetry: \(word.rawValue); remove one of them")
    }
    symmetry =
      switch word {
      case .noise: .noise(signalToNoise: noise ?? 10)
      case .split: .split
      case .none: .kept
      }
  }

  private static func placement(_ value: RecipeValue) throws -> DepthGrowth.Placement {
    if value.isList {
      return .sources(
        try value.list("layers, counted from 0").map { try $0.integer(in: 0...65535) })
    }
    return switch try value.choice(PlacementWord.self) {
    case .interleaved: .interleaved
    case .appended: .appended
    case .middle: .middle
    }
  }

  private static func schedule(_ value: RecipeValue) throws -> SchedulePlacement {
    if let ratio = value.numberIfWellFormed {
      guard ratio >= 1 else { throw value.invalid("auto, keep, or a ratio of at least 1") }
      return .ratio(ratio)
    }
    return try value.choice(ScheduleWord.self) == .auto ? .automatic : .kept
  }
}

extension GrowthRecipe {
  /// The operator that grows a model.
  ///
  /// - Parameter target: the recipe's model, to which a growth without sizes goes.
  func growth(
    from model: ModelConfiguration, target: ModelConfiguration
  ) throws -> any GrowthOperator {
    guard width != nil || depth != nil || layerCount != nil else {
      return ConfigurationGrowth(
        to: target, form: form, symmetry: symmetry, block: block, placement: placement)
    }
    let layers = layerCount ?? model.layerCount * (depth ?? 1)
    return WidthGrowth(factor: width ?? 1, form: form, symmetry: symmetry)
      .then(DepthGrowth(to: layers, block: block, placement: placement))
  }
}
