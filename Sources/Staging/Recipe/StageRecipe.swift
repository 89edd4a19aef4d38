// SPDX-License-Identifier: Apache-2.0
import Growth
import OrderedJSON
import Planning
import Training

/// One of the recipe's `stages`: training of one model, and the growth to the next.
public struct StageRecipe: Sendable, Hashable {
  /// Sizes that differ from the target's; only the first stage has them, later ones are grown.
  public var model: StageModel?
  /// When the stage is over; nil for the end of the run.
  public var until: StageEnd?
  /// The latest moment at which it is over, where it waits for a slope or a loss that may never come;
  /// nil for the end of the run.
  public var latest: StageLimit?
  /// How the next stage's model is grown; nil for the last stage.
  public var growth: GrowthDescription?

  /// Makes a stage.
  public init(
    model: StageModel? = nil, until: StageEnd? = nil, latest: StageLimit? = nil,
    growth: GrowthDescription? = nil
  ) {
    self.model = model
    self.until = until
    self.latest = latest
    self.growth = growth
  }
}

extension StageRecipe {
  /// The same with all that the growth leaves to defaults written out.
  var spelledOut: StageRecipe {
    var result = self
    result.growth = growth?.spelledOut
    return result
  }
}

/// When a stage is over.
public enum StageEnd: Sendable, Hashable {
  /// When the slope d log L / d log C has risen above a threshold.
  case slope(StageSlope, SlopeDetectorConfiguration.Method)
  /// After so much training in this stage.
  case after(TrainingDuration)
  /// At this share of the learning-rate schedule.
  case share(Double)
  /// At this validation loss or below, in nats per token.
  case loss(Double)
}

/// The latest moment at which a stage is over.
public enum StageLimit: Sendable, Hashable {
  /// At this share of the learning-rate schedule, or of the run where the rate is constant.
  case share(Double)
  /// After so much training in this stage.
  case after(TrainingDuration)
  /// Never; the run may end before the stage does.
  case never
}

/// The slope at which a stage is over.
public enum StageSlope: Sendable, Hashable {
  /// Where the growth that follows, or at the end stopping, costs least; see ``value(model:next:method:)``.
  case automatic
  /// The published one of a growth.
  case growth(PublishedGrowth)
  /// Where more training of the model is no longer worth it.
  case optimality
  /// A slope below 0.
  case value(Double)
}

/// Sizes of a first stage's model; what is nil is the target's, or follows from the others.
public struct StageModel: Sendable, Hashable {
  /// Transformer blocks.
  public var layerCount: Int?
  /// Width of the residual stream.
  public var hiddenSize: Int?
  /// Query heads; nil for as many of the target's width as fit.
  public var headCount: Int?
  /// Key/value heads; nil for the target's share of the query heads.
  public var keyValueHeadCount: Int?
  /// Width of one head; nil for the target's, or for what `headCount` leaves of the width.
  public var headSize: Int?
  /// Inner width of the feed-forward; nil for the target's multiple of the hidden size.
  public var intermediateSize: Int?
  /// Positions; nil for the target's.
  public var contextLength: Int?

  /// Makes sizes.
  public init(
    layerCount: Int? = nil, hiddenSize: Int? = nil, headCount: Int? = nil,
    keyValueHeadCount: Int? = nil, headSize: Int? = nil, intermediateSize: Int? = nil,
    contextLength: Int? = nil
  ) {
    self.layerCount = layerCount
    self.hiddenSize = hiddenSize
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headSize = headSize
    self.intermediateSize = intermediateSize
    self.contextLength = contextLength
  }
}

extension StageRecipe {
  /// The stages of a list, in order.
  static func list(_ value: RecipeValue) throws -> [StageRecipe] {
    let list = try value.list("at least one stage")
    return try list.enumerated().compactMap { index, stage in
      try value.document.faults.attempt {
        try StageRecipe(stage, isFirst: index == 0, isLast: index + 1 == list.count)
      }
    }
  }

  private static let keys = ["model", "until", "grow"]

  private init(_ value: RecipeValue, isFirst: Bool, isLast: Bool) throws {
    let keys = try value.mapping(keys: Self.keys)
    if let model = keys["model"], !isFirst {
      throw model.conflict("only the first stage names a model; later ones are grown with 'grow'")
    }
    if let growth = keys["grow"], isLast {
      throw growth.conflict("nothing follows the last stage; add a stage, or remove this key")
    }
    let faults = value.document.faults
    let model = try faults.attempt { try keys["model"].map(StageModel.init) }
    let end = try faults.attempt { try keys["until"].map { try StageEnd.read($0) } }
    let growth = try faults.attempt { try keys["grow"].map(GrowthDescription.init) }
    self.init(
      model: model ?? nil, until: end??.end, latest: end??.latest,
      growth: isLast ? nil : (growth ?? nil) ?? GrowthDescription())
    guard end != nil else { return }
    if until == nil, !isLast {
      _ = try keys.required(
        "until", "slope: auto, after: a duration, share: 80%, or loss: a number")
    }
  }

  /// The stage as a recipe says it.
  var json: JSONValue {
    .keys([
      ("model", model?.json), ("until", until?.json(latest: latest)), ("grow", growth?.json),
    ])
  }
}

extension StageModel: RecipeSection {
  static let blank = StageModel()

  static var fields: [RecipeField<Self>] {
    [
      .optional("layers", \.layerCount, .layers), .optional("hidden", \.hiddenSize, .size),
      .optional("heads", \.headCount, .size),
      .optional("keyValueHeads", \.keyValueHeadCount, .size),
      .optional("headSize", \.headSize, .size),
      .optional("intermediate", \.intermediateSize, .size),
      .optional("context", \.contextLength, .size),
    ]
  }
}

extension StageEnd {
  /// The end of a stage, and the latest moment for it.
  static func read(_ value: RecipeValue) throws -> (end: StageEnd, latest: StageLimit?) {
    let keys = try value.mapping(
      keys: ["slope", "detector", "after", "share", "loss", "atLatest"])
    let end = try StageEnd(keys)
    guard let latest = keys["atLatest"] else { return (end, nil) }
    switch end {
    case .slope, .loss: return (end, try StageLimit(latest))
    case .after, .share:
      throw latest.conflict("only a slope or a loss can come too late; remove it")
    }
  }

  private init(_ keys: RecipeMapping) throws {
    let value = keys.value
    let given = ["slope", "after", "share", "loss"].filter { keys[$0] != nil }
    guard given.count == 1 else {
      throw given.isEmpty
        ? value.mismatch("one of slope, after, share, loss")
        : value.conflict("\(given.joined(separator: " and ")) exclude each other; keep one of them")
    }
    if let slope = keys["slope"] {
      self = .slope(try StageSlope(slope), try keys["detector"]?.choice() ?? .robust)
      return
    }
    if let detector = keys["detector"] {
      throw detector.conflict("only a slope has a detector; remove it, or use slope: auto")
    }
    if let after = keys["after"] {
      self = .after(try after.duration(.work))
    } else if let share = keys["share"] {
      self = .share(
        try share.fraction("a share of the schedule between 0 and 1") { $0 > 0 && $0 < 1 })
    } else {
      self = .loss(try keys.required("loss", "a number").positiveNumber())
    }
  }

  fileprivate func json(latest: StageLimit?) -> JSONValue {
    let end: [(String, JSONValue?)] =
      switch self {
      case .slope(let slope, let method):
        [("slope", slope.json), ("detector", .string(method.rawValue))]
      case .after(let duration): [("after", .duration(duration))]
      case .share(let share): [("share", JSONValue(share))]
      case .loss(let loss): [("loss", JSONValue(loss))]
      }
    return .keys(end + [("atLatest", latest.flatMap(\.json))])
  }
}

extension StageLimit {
  init(_ value: RecipeValue) throws {
    if value.isWord("none") {
      self = .never
    } else if let duration = value.durationIfWellFormed, duration.measure != .seconds {
      self = .after(try value.duration(.work))
    } else {
      self = .share(
        try value.fraction(
          "a share of the schedule such as 60%, a duration such as 500 steps, or none"
        ) {
          $0 > 0 && $0 < 1
        })
    }
  }

  /// Nil for none, which is what a plan's stage has that says nothing: the default is the recipe's.
  fileprivate var json: JSONValue? {
    switch self {
    case .share(let share): JSONValue(share)
    case .after(let duration): .duration(duration)
    case .never: nil
    }
  }
}

extension StageSlope {
  private enum Word: String, CaseIterable { case auto, width, depth, both, optimality }

  init(_ value: RecipeValue) throws {
    if let number = value.numberIfWellFormed {
      guard number < 0 else { throw value.invalid("a slope below 0, such as -0.0475") }
      self = .value(number)
      return
    }
    self =
      switch try value.choice(Word.self) {
      case .auto: .automatic
      case .optimality: .optimality
      case .width: .growth(.width)
      case .depth: .growth(.depth)
      case .both: .growth(.both)
      }
  }
  fileprivate var json: JSONValue {
    switch self {
    case .automatic: "auto"
    case .optimality: "optimality"
    case .growth(let growth): .string(growth.rawValue)
    case .value(let slope): JSONValue(slope)
    }
  }
}
