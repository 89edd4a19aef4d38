// SPDX-License-Identifier: Apache-2.0
import Training

// The recipe's sections that configure training, in the order of the file. Defaults stand in the
// configurations themselves.

extension BatchConfiguration {
  init(_ value: RecipeValue) throws {
    let keys = try value.mapping(
      keys: ["sequences", "accumulate", "warmup", "sequenceLength"])
    let sizes = 1...(1 << 24)
    self.init(
      sequences: try keys.required("sequences", "the sequences of a micro-batch")
        .integer(in: sizes),
      accumulate: try keys["accumulate"]?.integer(in: sizes) ?? 1,
      sequencesWarmup: try keys["warmup"].map(Warmup.init),
      sequenceLengthWarmup: try keys["sequenceLength"].map(Warmup.init))
  }
}

extension BatchConfiguration.Warmup {
  init(_ value: RecipeValue) throws {
    let keys = try value.mapping(keys: ["from", "over"])
    self.init(
      start: try keys.required("from", "the value at the start").integer(in: 1...(1 << 24)),
      tokens: try keys.required("over", "a number of tokens, such as 2M tokens").tokens())
  }
}

extension OptimizerConfiguration {
  /// The keys of every optimizer.
  static let commonKeys = [
    "kind", "beta1", "beta2", "epsilon", "weightDecay", "clip", "decayRule",
  ]
  /// The keys of Muon alone.
  static let muonKeys = ["momentum", "nesterov", "iterations"]

  init(_ value: RecipeValue) throws {
    let all = try value.mapping(keys: Self.commonKeys + Self.muonKeys)
    let kind: Kind = try all["kind"]?.choice() ?? .adamW
    switch kind {
    case .adamW:
      for key in Self.muonKeys {
        if let value = all[key] { throw value.conflict("belongs to Muon; write kind: muon") }
      }
      self = .adamW(try AdamWConfiguration(all))
    case .muon: self = .muon(try MuonConfiguration(all))
    }
  }
}

extension MuonConfiguration {
  fileprivate init(_ keys: RecipeMapping) throws {
    self.init(adamW: try AdamWConfiguration(keys))
    momentum =
      try keys["momentum"]?.number("a number from 0 to below 1") { (0..<1).contains($0) }
      ?? momentum
    nesterov = try keys["nesterov"]?.flag() ?? nesterov
    iterations = try keys["iterations"]?.integer(in: Self.iterationRange) ?? iterations
  }
}

extension AdamWConfiguration {
  fileprivate init(_ keys: RecipeMapping) throws {
    self.init()
    func memory(_ value: RecipeValue) throws -> Double {
      try value.number("a number from 0 to below 1") { (0..<1).contains($0) }
    }
    func atLeastZero(_ value: RecipeValue) throws -> Double {
      try value.number("a number of at least 0") { $0 >= 0 }
    }
    beta1 = try keys["beta1"].map(memory) ?? beta1
    beta2 = try keys["beta2"].map(memory) ?? beta2
    epsilon = try keys["epsilon"].map(atLeastZero) ?? epsilon
    weightDecay = try keys["weightDecay"].map(atLeastZero) ?? weightDecay
    clip =
      try keys["clip"].unlessNone { try $0.number("a number above 0, or none") { $0 > 0 } } ?? clip
    decayRule = try keys["decayRule"]?.choice() ?? decayRule
  }
}

extension LearningRateSchedule {
  init(_ value: RecipeValue, stop: StopConditions?) throws {
    let keys = try value.mapping(
      keys: ["kind", "peak", "warmup", "total", "floor", "decay", "decayShape"])
    let kind: Kind =
      try keys.required("kind", "one of \(Kind.allCases.map(\.rawValue).joined(separator: ", "))")
      .choice()
    self.init(
      kind: kind,
      peak: try keys.required("peak", "the highest learning rate").positiveNumber(),
      total: nil)
    warmup = try keys["warmup"]?.duration(.work, allowsZero: true) ?? warmup
    total = try Self.total(keys, kind: kind, stop: stop)
    floor =
      try keys["floor"]?.fraction("a share of the peak from 0 to 1") { (0...1).contains($0) }
      ?? floor
    try readDecay(keys)
  }

  /// The key, or the run's end where the schedule needs one.
  private static func total(
    _ keys: RecipeMapping, kind: Kind, stop: StopConditions?
  ) throws -> TrainingDuration? {
    if let total = keys["total"] { return try total.duration(.work) }
    if kind == .constant { return nil }
    if let after = stop?.after, after.measure != .seconds { return after }
    return try keys.required("total", "a number of steps, tokens or FLOPs, such as 20M tokens")
      .duration(.work)
  }

  private mutating func readDecay(_ keys: RecipeMapping) throws {
    for key in ["decay", "decayShape"] where kind != .wsd {
      if let member = keys[key] {
        throw member.conflict("only a wsd schedule has \(key); remove it, or use kind: wsd")
      }
    }
    decay = try keys["decay"].map(DecayLength.init) ?? decay
    decayShape = try keys["decayShape"]?.choice() ?? decayShape
  }
}

extension LearningRateSchedule.DecayLength {
  init(_ value: RecipeValue) throws {
    if let duration = value.durationIfWellFormed, duration.measure != .seconds {
      self = .duration(duration)
      return
    }
    self = .share(
      try value.fraction("a share of the total such as 20%, or a duration such as 500 steps") {
        (0...1).contains($0)
      })
  }
}

extension EvaluationConfiguration {
  init(_ value: RecipeValue) throws {
    let keys = try value.mapping(keys: ["every", "batches", "tokens"])
    self.init()
    every = try keys["every"]?.duration(.any) ?? every
    if let tokens = keys["tokens"] { amount = try Self.tokens(tokens) }
    guard let batches = keys["batches"] else { return }
    if keys["tokens"] != nil {
      throw batches.conflict("batches and tokens exclude each other; keep one")
    }
    amount = .batches(try batches.integer(in: 1...(1 << 24)))
  }

  private static func tokens(_ value: RecipeValue) throws -> Amount {
    if value.isWord("all") { return .all }
    if case .tokens(let count)? = value.durationIfWellFormed, count > 0 { return .tokens(count) }
    throw value.mismatch("a number of tokens, such as 200k tokens, or all")
  }
}

extension TrainingConfiguration.SpikePolicy {
  init(_ value: RecipeValue) throws {
    let keys = try value.mapping(keys: ["factor", "window", "action"])
    self.init(
      action: try keys.required("action", "skip, rollback or stop").choice())
    factor = try keys["factor"]?.number("a number above 1") { $0 > 1 } ?? factor
    window = try keys["window"].map(Self.length) ?? window
  }

  private static func length(_ value: RecipeValue) throws -> Int {
    if case .steps(let count)? = value.durationIfWellFormed, windows.contains(count) {
      return count
    }
    return try value.integer(in: windows)
  }
}

extension CheckpointConfiguration {
  init(_ value: RecipeValue) throws {
    let keys = try value.mapping(keys: ["every", "keep"])
    self.init()
    every = try keys["every"]?.duration(.any) ?? every
    keep = try keys["keep"].unless("all") { try $0.integer(in: 1...(1 << 24)) } ?? keep
  }
}

extension StopConditions {
  /// - Parameter began: how far the training had come that the run goes on with, where `further`
  ///   counts from.
  init(_ value: RecipeValue, began: TrainingProgress) throws {
    let keys = try value.mapping(keys: ["after", "further", "loss", "lossKind"])
    guard keys["after"] != nil || keys["further"] != nil || keys["loss"] != nil else {
      throw value.mismatch("after: a duration, loss: a number, or both")
    }
    if let further = keys["further"], keys["after"] != nil {
      throw further.conflict(
        "after counts from the first step of all and further from where the run began; keep one")
    }
    let after =
      try keys["further"].map { try $0.duration(.any).plus(began) }
      ?? keys["after"]?.duration(.any)
    self.init(after: after, loss: try keys["loss"]?.positiveNumber())
    lossKind = try keys["lossKind"]?.choice() ?? lossKind
  }
}

extension NoiseScaleConfiguration {
  init(_ value: RecipeValue) throws {
    let keys = try value.mapping(keys: ["every", "smoothing"])
    self.init()
    every = try keys["every"]?.steps() ?? every
    smoothing =
      try keys["smoothing"]?.number("a number from 0 to below 1") { (0..<1).contains($0) }
      ?? smoothing
  }
}
