// SPDX-License-Identifier: Apache-2.0

// A run and its source share one object: {"count": 64, "from": 0, "backward": 0.5, "copy": 1}.
// Factors of 1 and the copy 0 are left out.

/// What a run's source is called in files: one of these keys stands in each run.
enum RunSourceKey: String, CodingKey {
  /// The first of the units or indices that are copied.
  case from
  /// Two neighbours that are mixed.
  case blend
  /// The start and length of the range whose mean is taken.
  case mean
  /// What entries without a source begin with, by name.
  case start
}

/// Where between two neighbours a mixture lies.
private struct Blend: Codable {
  var lower: Int
  var fraction: Double
}

extension UnitMap.Source: Codable {
  /// Reads the source out of its run's object.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: RunSourceKey.self)
    if let first = try container.decodeIfPresent(Int.self, forKey: .from) {
      self = .units(first)
    } else if let blend = try container.decodeIfPresent(Blend.self, forKey: .blend) {
      self = .blend(lower: blend.lower, fraction: blend.fraction)
    } else {
      switch try container.decode(String.self, forKey: .start) {
      case "mean": self = .mean
      case "silent": self = .silent
      case "new": self = .new
      case let other:
        throw DecodingError.dataCorruptedError(
          forKey: .start, in: container,
          debugDescription: "\"\(other.prefix(40))\" is unknown; expected mean, silent or new")
      }
    }
  }

  /// Writes the source into its run's object.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: RunSourceKey.self)
    switch self {
    case .units(let first): try container.encode(first, forKey: .from)
    case .blend(let lower, let fraction):
      try container.encode(Blend(lower: lower, fraction: fraction), forKey: .blend)
    case .mean: try container.encode("mean", forKey: .start)
    case .silent: try container.encode("silent", forKey: .start)
    case .new: try container.encode("new", forKey: .start)
    }
  }
}

/// The range whose mean is taken, with the noise on it.
private struct Mean: Codable {
  var start: Int
  var count: Int
  var noise: Double
}

extension AxisMap.Source: Codable {
  /// Reads the source out of its run's object.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: RunSourceKey.self)
    if let first = try container.decodeIfPresent(Int.self, forKey: .from) {
      self = .indices(first)
    } else if let blend = try container.decodeIfPresent(Blend.self, forKey: .blend) {
      self = .blend(lower: blend.lower, fraction: blend.fraction)
    } else if let mean = try container.decodeIfPresent(Mean.self, forKey: .mean) {
      self = .mean(start: mean.start, count: mean.count, noise: mean.noise)
    } else {
      switch try container.decode(String.self, forKey: .start) {
      case "zero": self = .zero
      case "new": self = .new
      case let other:
        throw DecodingError.dataCorruptedError(
          forKey: .start, in: container,
          debugDescription: "\"\(other.prefix(40))\" is unknown; expected zero or new")
      }
    }
  }

  /// Writes the source into its run's object.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: RunSourceKey.self)
    switch self {
    case .indices(let first): try container.encode(first, forKey: .from)
    case .blend(let lower, let fraction):
      try container.encode(Blend(lower: lower, fraction: fraction), forKey: .blend)
    case .mean(let start, let count, let noise):
      try container.encode(Mean(start: start, count: count, noise: noise), forKey: .mean)
    case .zero: try container.encode("zero", forKey: .start)
    case .new: try container.encode("new", forKey: .start)
    }
  }
}

extension UnitMap.Run: Codable {
  private enum Key: String, CodingKey { case count, forward, backward, copy }

  /// Reads a run; sizes that no model has are refused, before anything is added to them.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let source = try UnitMap.Source(from: decoder)
    let count = try container.decode(Int.self, forKey: .count)
    let first = if case .units(let first) = source { first } else { 0 }
    guard (1...UnitMap.mostUnits).contains(count), (0...UnitMap.mostUnits).contains(first) else {
      throw DecodingError.dataCorruptedError(
        forKey: .count, in: container,
        debugDescription: "\(count) units from \(first) on are none that a model has")
    }
    self.init(
      source, count: count,
      forward: try container.decodeIfPresent(Double.self, forKey: .forward) ?? 1,
      backward: try container.decodeIfPresent(Double.self, forKey: .backward) ?? 1,
      copy: try container.decodeIfPresent(Int.self, forKey: .copy) ?? 0)
  }

  /// Writes a run and its source as one object.
  public func encode(to encoder: any Encoder) throws {
    try source.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(count, forKey: .count)
    if forward != 1 { try container.encode(forward, forKey: .forward) }
    if backward != 1 { try container.encode(backward, forKey: .backward) }
    if copy != 0 { try container.encode(copy, forKey: .copy) }
  }
}

extension UnitMap: Codable {
  private enum Key: String, CodingKey { case sourceCount, runs }

  /// Reads a map.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    self.init(
      sourceCount: try container.decode(Int.self, forKey: .sourceCount),
      runs: try container.decode([Run].self, forKey: .runs))
  }

  /// Writes a map.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(sourceCount, forKey: .sourceCount)
    try container.encode(runs, forKey: .runs)
  }
}

/// An axis's runs one after the other; where each starts follows from the counts.
extension AxisMap: Codable {
  /// Reads an axis's runs.
  public init(from decoder: any Decoder) throws {
    var list = try decoder.unkeyedContainer()
    var runs: [Run] = []
    var start = 0
    while !list.isAtEnd {
      let run = try Run(from: list.superDecoder(), start: start)
      runs.append(run)
      start += run.count
    }
    self.runs = runs
  }

  /// Writes an axis's runs.
  public func encode(to encoder: any Encoder) throws {
    var list = encoder.unkeyedContainer()
    for run in runs { try run.encode(to: list.superEncoder()) }
  }
}

extension AxisMap.Run {
  private enum Key: String, CodingKey { case count, value, gradient, copy }

  fileprivate init(from decoder: any Decoder, start: Int) throws {
    let container = try decoder.container(keyedBy: Key.self)
    count = try container.decode(Int.self, forKey: .count)
    guard (1...UnitMap.mostUnits).contains(count) else {
      throw DecodingError.dataCorruptedError(
        forKey: .count, in: container, debugDescription: "no axis has a run of \(count)")
    }
    self.start = start
    source = try AxisMap.Source(from: decoder)
    value = try container.decodeIfPresent(Double.self, forKey: .value) ?? 1
    gradient = try container.decodeIfPresent(Double.self, forKey: .gradient) ?? 1
    copy = try container.decodeIfPresent(Int.self, forKey: .copy) ?? 0
  }

  fileprivate func encode(to encoder: any Encoder) throws {
    try source.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(count, forKey: .count)
    if value != 1 { try container.encode(value, forKey: .value) }
    if gradient != 1 { try container.encode(gradient, forKey: .gradient) }
    if copy != 0 { try container.encode(copy, forKey: .copy) }
  }
}

/// In files a block's source is text: `kept 3`, `identityByOutput 0`, `fresh`.
extension LayerSource: Codable, CustomStringConvertible {
  /// The name, and the small model's block that it speaks of.
  public var description: String {
    switch self {
    case .kept(let layer): "kept \(layer)"
    case .copy(let layer): "copy \(layer)"
    case .identityByOutput(let layer): "identityByOutput \(layer)"
    case .identityByNorm(let layer): "identityByNorm \(layer)"
    case .fresh: "fresh"
    case .freshIdentity: "freshIdentity"
    }
  }

  /// Reads the text of ``description``; nil for any other.
  public init?(_ description: String) {
    let parts = description.split(separator: " ", omittingEmptySubsequences: false)
    let layer = parts.count == 2 ? Int(parts[1]).flatMap { $0 < 0 ? nil : $0 } : nil
    switch (parts.first, layer, parts.count) {
    case ("kept", let layer?, 2): self = .kept(layer)
    case ("copy", let layer?, 2): self = .copy(layer)
    case ("identityByOutput", let layer?, 2): self = .identityByOutput(layer)
    case ("identityByNorm", let layer?, 2): self = .identityByNorm(layer)
    case ("fresh", nil, 1): self = .fresh
    case ("freshIdentity", nil, 1): self = .freshIdentity
    default: return nil
    }
  }

  /// Reads the text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let source = LayerSource(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\"\(text.prefix(40))\" is no source of a block")
    }
    self = source
  }

  /// Writes the text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
