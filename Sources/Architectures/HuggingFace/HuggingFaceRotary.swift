// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// The rotary embedding's keys: `rope_theta` with `rope_scaling`, or the `rope_parameters` that
/// transformers writes since its version 5.
struct HuggingFaceRotary {
  private let keys: DecoderConfigurationKeys

  init(_ keys: DecoderConfigurationKeys) { self.keys = keys }

  func embedding(_ reader: ConfigurationReader) throws -> RotaryEmbedding {
    let base = try reader.number(keys.rotaryBase, default: 10000)
    let fraction = try fraction(reader)
    if let parameters = try reader.members("rope_parameters") {
      return RotaryEmbedding(
        base: try parameters.number("rope_theta", default: base),
        scaling: try Self.scaling(parameters), fraction: fraction)
    }
    guard let parameters = try reader.members("rope_scaling") else {
      return RotaryEmbedding(base: base, fraction: fraction)
    }
    return RotaryEmbedding(base: base, scaling: try Self.scaling(parameters), fraction: fraction)
  }

  /// The share of a head that turns, which newer files keep among the parameters.
  private func fraction(_ reader: ConfigurationReader) throws -> Double {
    let standard = "partial_rotary_factor"
    let own = try keys.rotaryFraction.flatMap {
      reader.has($0) ? try reader.number($0) : nil
    }
    let parameters = try reader.members("rope_parameters")
    let new = parameters?.has(standard) == true ? try parameters?.number(standard) : nil
    if let fraction = new ?? own { return try checked(fraction, reader) }
    if let key = keys.rotaryFraction, key != standard { return keys.defaultRotaryFraction }
    return try checked(reader.number(standard, default: keys.defaultRotaryFraction), reader)
  }

  private func checked(_ fraction: Double, _ reader: ConfigurationReader) throws -> Double {
    guard keys.rotaryFraction != nil || fraction == 1 else {
      throw reader.unsupported("partial_rotary_factor", JSONValue(fraction), expected: "1")
    }
    return fraction
  }

  private static func scaling(_ reader: ConfigurationReader) throws -> RotaryEmbedding.Scaling {
    let key = reader.has("rope_type") ? "rope_type" : "type"
    switch try reader.string(key, default: "default") {
    case "default": return .none
    case "linear": return .linear(factor: try reader.number("factor"))
    case "llama3":
      return .llama3(
        factor: try reader.number("factor"),
        lowFrequencyFactor: try reader.number("low_freq_factor"),
        highFrequencyFactor: try reader.number("high_freq_factor"),
        originalContextLength: try reader.integer("original_max_position_embeddings"))
    case let type:
      throw reader.unsupported(
        key, .string(type), expected: "\"default\", \"linear\" or \"llama3\"")
    }
  }

  func fields(_ rotary: RotaryEmbedding) -> [HuggingFaceFields.Field] {
    let theta = JSONValue(rotary.base)
    var parameters = Self.scalingMembers(rotary.scaling)
    parameters["rope_theta"] = theta
    let scaling: JSONValue =
      rotary.scaling == .none ? .null : .object(Self.scalingMembers(rotary.scaling).sorted())
    var fields: [HuggingFaceFields.Field] = [
      .init(keys.rotaryBase, theta, .unlessFileHas("rope_parameters")),
      .init("rope_scaling", scaling, .unlessFileHas("rope_parameters")),
    ]
    if let key = keys.rotaryFraction {
      parameters["partial_rotary_factor"] = JSONValue(rotary.fraction)
      fields.append(.init(key, JSONValue(rotary.fraction), .unlessFileHas("rope_parameters")))
    }
    return fields + [
      .init("rope_parameters", .object(parameters.sorted()), .whereFileHas("rope_parameters"))
    ]
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
      members["original_max_position_embeddings"] = JSONValue(length)
    }
    return members
  }
}
