// SPDX-License-Identifier: Apache-2.0
import Documents

// A run and its source share one object: {"count": 64, "from": 0, "backward": 0.5, "copy": 1}. The
// source's key says what it is: `from` is the first of the units or indices that are copied, `blend` two
// neighbours that are mixed, `mean` the range whose mean is taken, `start` the name of what entries
// without a source begin with. Factors of 1 and the copy 0 are left out.

/// Where between two neighbours a mixture lies.
private struct Blend: Codable {
  var lower: Int
  var fraction: Double
}

/// The range whose mean is taken, with the noise on it.
private struct Mean: Codable {
  var start: Int
  var count: Int
  var noise: Double
}

extension UnitMap.Source: FieldCoded {
  package init(_ fields: FieldCoder, of old: UnitMap.Source?) throws {
    self = try fields.one(
      of: [
        .init("from", { .units($0) }) { if case .units(let first) = $0 { first } else { nil } },
        .init("blend", { (blend: Blend) in .blend(lower: blend.lower, fraction: blend.fraction) }) {
          guard case .blend(let lower, let fraction) = $0 else { return nil }
          return Blend(lower: lower, fraction: fraction)
        },
      ], or: "start", ["mean": .mean, "silent": .silent, "new": .new], old)
  }
}

extension AxisMap.Source: FieldCoded {
  package init(_ fields: FieldCoder, of old: AxisMap.Source?) throws {
    self = try fields.one(
      of: [
        .init("from", { .indices($0) }) { if case .indices(let first) = $0 { first } else { nil } },
        .init("blend", { (blend: Blend) in .blend(lower: blend.lower, fraction: blend.fraction) }) {
          guard case .blend(let lower, let fraction) = $0 else { return nil }
          return Blend(lower: lower, fraction: fraction)
        },
        .init(
          "mean", { (mean: Mean) in .mean(start: mean.start, count: mean.count, noise: mean.noise) }
        ) {
          guard case .mean(let start, let count, let noise) = $0 else { return nil }
          return Mean(start: start, count: count, noise: noise)
        },
      ], or: "start", ["zero": .zero, "new": .new], old)
  }
}

/// Sizes that no model has are refused, before anything is added to them.
extension UnitMap.Run: FieldCoded {
  package init(_ fields: FieldCoder, of old: UnitMap.Run?) throws {
    let source = try fields.inline(old?.source)
    let count = try fields.integer("count", old?.count, in: 1...UnitMap.mostUnits)
    if case .units(let first) = source, !(0...UnitMap.mostUnits).contains(first) {
      throw fields.failure("from", "no model has a unit \(first)")
    }
    self.init(
      source, count: count,
      forward: try fields.field("forward", old?.forward, default: 1),
      backward: try fields.field("backward", old?.backward, default: 1),
      copy: try fields.field("copy", old?.copy, default: 0))
  }
}

extension UnitMap: FieldCoded {
  package init(_ fields: FieldCoder, of old: UnitMap?) throws {
    self.init(
      sourceCount: try fields.required("sourceCount", old?.sourceCount),
      runs: try fields.required("runs", old?.runs))
  }
}

/// An axis's runs one after the other; where each starts follows from the counts.
extension AxisMap: Codable {
  /// Reads an axis's runs.
  public init(from decoder: any Decoder) throws {
    var runs = try [Run](from: decoder)
    var start = 0
    for index in runs.indices {
      runs[index].start = start
      start += runs[index].count
    }
    self.runs = runs
  }

  /// Writes an axis's runs.
  public func encode(to encoder: any Encoder) throws { try runs.encode(to: encoder) }
}

extension AxisMap.Run: FieldCoded {
  package init(_ fields: FieldCoder, of old: AxisMap.Run?) throws {
    source = try fields.inline(old?.source)
    count = try fields.integer("count", old?.count, in: 1...UnitMap.mostUnits)
    start = old?.start ?? 0
    value = try fields.field("value", old?.value, default: 1)
    gradient = try fields.field("gradient", old?.gradient, default: 1)
    copy = try fields.field("copy", old?.copy, default: 0)
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
