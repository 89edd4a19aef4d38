// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// The rotary embedding's keys: `rope_theta` with `rope_scaling`, or the `rope_parameters` that
/// transformers writes since its version 5.
///
/// Both names mean the same table: `rope_scaling` counts where both hold something, and a base or
/// share in the table counts before the one beside it.
struct HuggingFaceRotary {
  private let keys: DecoderConfigurationKeys

  init(_ keys: DecoderConfigurationKeys) { self.keys = keys }

  private static let share = "partial_rotary_factor"
  private static let originalContext = "original_max_position_embeddings"

  // MARK: Reading

  func embedding(
    _ reader: ConfigurationReader, contextLength: Int
  ) throws -> RotaryEmbedding {
    let table = try table(reader)
    if let nested = table?.object.members.first(where: { $0.value.isObject }) {
      throw reader.unsupported(
        "\(table?.key ?? "").\(nested.key)", nested.value,
        expected: "one table for all layers")
    }
    let parameters = table?.reader
    let base =
      try parameters.flatMap { $0.holds("rope_theta") ? try $0.number("rope_theta") : nil }
      ?? reader.number(keys.rotaryBase, default: 10000)
    let scaling =
      try parameters.map { try self.scaling($0, reader, contextLength) }
      ?? RotaryEmbedding.Scaling.none
    return RotaryEmbedding(
      base: base, scaling: scaling,
      fraction: try fraction(reader, parameters, stretches: scaling != .none))
  }

  /// The table that counts, and its key.
  private struct Table {
    var key: String
    var reader: ConfigurationReader
    var object: JSONObject { reader.object }
  }

  private func table(_ reader: ConfigurationReader) throws -> Table? {
    let tables = try ["rope_scaling", "rope_parameters"].compactMap { key in
      try reader.members(key).map { Table(key: key, reader: $0) }
    }
    return tables.first { !$0.object.members.isEmpty }
  }

  /// The share of a head that turns.
  ///
  /// Families that turn whole heads do not heed the key, but where frequencies are stretched: there
  /// transformers makes too few of them.
  private func fraction(
    _ reader: ConfigurationReader, _ parameters: ConfigurationReader?, stretches: Bool
  ) throws -> Double {
    func inner() throws -> Double? {
      try parameters.flatMap { $0.holds(Self.share) ? try $0.number(Self.share) : nil }
    }
    if let key = keys.rotaryFraction {
      return try inner() ?? reader.number(key, default: keys.defaultRotaryFraction)
    }
    guard stretches else { return 1 }
    let fraction = try inner() ?? (reader.has(Self.share) ? reader.number(Self.share) : 1)
    guard fraction == 1 else {
      throw reader.unsupported(Self.share, JSONValue(fraction), expected: "1")
    }
    return 1
  }

  private func scaling(
    _ table: ConfigurationReader, _ reader: ConfigurationReader, _ contextLength: Int
  ) throws -> RotaryEmbedding.Scaling {
    let key = table.holds("rope_type") ? "rope_type" : "type"
    let type = table.holds(key) ? try table.string(key) : "default"
    guard type != "default" else { return .none }
    guard keys.rotaryScalings.contains(type) else {
      let names = (["default"] + keys.rotaryScalings).map { "\"\($0)\"" }
      throw table.unsupported(
        key, .string(type), expected: names.joined(separator: " or "))
    }
    let factor = try table.number("factor")
    if type == "linear" { return .linear(factor: factor) }
    return .llama3(
      factor: factor, lowFrequencyFactor: try table.number("low_freq_factor"),
      highFrequencyFactor: try table.number("high_freq_factor"),
      originalContextLength: try originalContextLength(table, reader) ?? contextLength)
  }

  /// The context before the stretch: the key beside the table counts before the one in it.
  private func originalContextLength(
    _ table: ConfigurationReader, _ reader: ConfigurationReader
  ) throws -> Int? {
    let key = Self.originalContext
    if reader.holds(key) { return try reader.integer(key) }
    return table.holds(key) ? try table.integer(key) : nil
  }

  // MARK: Writing

  /// Says an embedding in one form: as `rope_parameters` where the file has that, else as a base and
  /// `rope_scaling`, which older programs read as well.
  func write(_ rotary: RotaryEmbedding, to object: inout JSONObject) {
    let holdsScaling = object["rope_scaling"]?.isFilledObject ?? false
    let isNewForm = !holdsScaling && (object["rope_parameters"]?.isFilledObject ?? false)
    var table = Self.scalingMembers(rotary.scaling)
    if object[Self.originalContext] != nil, let length = table[Self.originalContext] {
      object[Self.originalContext] = length
    }
    guard isNewForm else {
      object["rope_parameters"] = nil
      object[keys.rotaryBase] = JSONValue(rotary.base)
      object["rope_scaling"] = rotary.scaling == .none ? .null : .object(table.sorted())
      if let key = keys.rotaryFraction { object[key] = JSONValue(rotary.fraction) }
      return
    }
    for key in ["rope_scaling", keys.rotaryBase, keys.rotaryFraction].compactMap({ $0 }) {
      object[key] = nil
    }
    table["rope_theta"] = JSONValue(rotary.base)
    if keys.rotaryFraction != nil { table[Self.share] = JSONValue(rotary.fraction) }
    object["rope_parameters"] = .object(table.sorted())
  }

  private static func scalingMembers(_ scaling: RotaryEmbedding.Scaling) -> JSONObject {
    var members = JSONObject()
    switch scaling {
    case .none: members["rope_type"] = .string("default")
    case .linear(let factor):
      members["rope_type"] = .string("linear")
      members["factor"] = JSONValue(factor)
    case .llama3(let factor, let low, let high, let length):
      members["rope_type"] = .string("llama3")
      members["factor"] = JSONValue(factor)
      members["low_freq_factor"] = JSONValue(low)
      members["high_freq_factor"] = JSONValue(high)
      members[originalContext] = JSONValue(length)
    }
    return members
  }
}

extension JSONValue {
  fileprivate var isObject: Bool {
    if case .object = self { return true }
    return false
  }

  fileprivate var isFilledObject: Bool {
    if case .object(let object) = self { return !object.members.isEmpty }
    return false
  }
}
