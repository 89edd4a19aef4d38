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
