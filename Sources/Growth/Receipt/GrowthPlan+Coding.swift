// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Training

/// In files the maps are named by their spaces.
extension GrowthSpace: CodingKeyRepresentable {}

extension GrowthPlan: Codable {
  private enum Key: String, CodingKey {
    case operation, guarantees, source, target, layers, blocks, signalToNoise, normScale
    case vocabularyNoise, tensorScales, sourceRounding, expertParts, learningRates, maps
  }

  /// Reads a plan; ``tensors()`` checks that its parts fit each other.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    self.init(
      try container.decode(String.self, forKey: .operation),
      from: try container.decode(ModelConfiguration.self, forKey: .source),
      to: try container.decode(ModelConfiguration.self, forKey: .target),
      layers: try container.decode([LayerSource].self, forKey: .layers),
      guarantees: try container.decode(Guarantees.self, forKey: .guarantees))
    maps = try container.decode([GrowthSpace: UnitMap].self, forKey: .maps)
    blocks = try container.decodeIfPresent(Int.self, forKey: .blocks) ?? 1
    signalToNoise = try container.decodeIfPresent(Double.self, forKey: .signalToNoise)
    normScale = try container.decodeIfPresent(Double.self, forKey: .normScale) ?? 1
    vocabularyNoise = try container.decodeIfPresent(Double.self, forKey: .vocabularyNoise) ?? 0
    tensorScales =
      try container.decodeIfPresent([String: Double].self, forKey: .tensorScales) ?? [:]
    sourceRounding = try container.decodeIfPresent(DType.self, forKey: .sourceRounding)
    expertParts = try container.decodeIfPresent(Int.self, forKey: .expertParts) ?? 1
    learningRates = try container.decode(LearningRatePolicy.self, forKey: .learningRates)
  }

  /// Writes a plan; what is at its default is left out.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(operation, forKey: .operation)
    try container.encode(guarantees.inOrder, forKey: .guarantees)
    try container.encode(source, forKey: .source)
    try container.encode(target, forKey: .target)
    try container.encode(layers, forKey: .layers)
    try container.encode(maps, forKey: .maps)
    if blocks != 1 { try container.encode(blocks, forKey: .blocks) }
    try container.encodeIfPresent(signalToNoise, forKey: .signalToNoise)
    if normScale != 1 { try container.encode(normScale, forKey: .normScale) }
    if vocabularyNoise != 0 { try container.encode(vocabularyNoise, forKey: .vocabularyNoise) }
    if !tensorScales.isEmpty { try container.encode(tensorScales, forKey: .tensorScales) }
    try container.encodeIfPresent(sourceRounding, forKey: .sourceRounding)
    if expertParts != 1 { try container.encode(expertParts, forKey: .expertParts) }
    try container.encode(learningRates, forKey: .learningRates)
  }
}

extension Guarantees {
  /// The guarantees in the order in which they are declared.
  public var inOrder: [Guarantee] { Guarantee.allCases.filter(contains) }
}

extension ScheduleContinuation: Codable {
  private enum Key: String, CodingKey { case kind, ratio, rewarmup }
  private enum Kind: String, Codable { case automatic, continued, repositioned }

  /// Reads `{"kind": "repositioned", "ratio": 1.776, "rewarmup": "200 steps"}`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    switch try container.decode(Kind.self, forKey: .kind) {
    case .automatic: self = .automatic
    case .continued: self = .continued
    case .repositioned:
      self = .repositioned(
        ratio: try container.decode(Double.self, forKey: .ratio),
        rewarmup: try container.decodeIfPresent(TrainingDuration.self, forKey: .rewarmup))
    }
  }

  /// Writes the kind with what belongs to it.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    switch self {
    // Receipts have it settled.
    case .placed: try container.encode(Kind.automatic, forKey: .kind)
    case .continued: try container.encode(Kind.continued, forKey: .kind)
    case .repositioned(let ratio, let rewarmup):
      try container.encode(Kind.repositioned, forKey: .kind)
      try container.encode(ratio, forKey: .ratio)
      try container.encodeIfPresent(rewarmup, forKey: .rewarmup)
    }
  }
}

extension GrowthOptions: Codable {
  private enum Key: String, CodingKey {
    case seed, moments, schedule, newEntryRate, source, sourceHash
  }

  /// Reads options.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    self.init(
      seed: try container.decode(UInt64.self, forKey: .seed),
      moments: try container.decode(MomentPolicy.self, forKey: .moments),
      schedule: try container.decode(ScheduleContinuation.self, forKey: .schedule),
      newEntryRate: try container.decodeIfPresent(NewEntries.Rate.self, forKey: .newEntryRate),
      source: try container.decodeIfPresent(String.self, forKey: .source),
      sourceHash: try container.decodeIfPresent(String.self, forKey: .sourceHash))
  }

  /// Writes options; a rate that is not given and a source that is not known are left out.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(seed, forKey: .seed)
    try container.encode(moments, forKey: .moments)
    try container.encode(schedule, forKey: .schedule)
    try container.encodeIfPresent(newEntryRate, forKey: .newEntryRate)
    try container.encodeIfPresent(source, forKey: .source)
    try container.encodeIfPresent(sourceHash, forKey: .sourceHash)
  }
}
