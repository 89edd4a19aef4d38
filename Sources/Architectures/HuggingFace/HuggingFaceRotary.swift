// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// The rotary embedding's keys: `rope_theta` with `rope_scaling`, or the `rope_parameters` that
/// transformers writes since its version 5.
enum HuggingFaceRotary {
  static func embedding(_ reader: ConfigurationReader) throws -> RotaryEmbedding {
    for place in [reader, try reader.members("rope_parameters")].compactMap({ $0 }) {
      let part = try place.number("partial_rotary_factor", default: 1)
      guard part == 1 else {
        throw place.unsupported("partial_rotary_factor", JSONValue(part), expected: "1")
      }
    }
    let base = try reader.number("rope_theta", default: 10000)
    if let parameters = try reader.members("rope_parameters") {
      return RotaryEmbedding(
        base: try parameters.number("rope_theta", default: base), scaling: try scaling(parameters))
    }
    guard let parameters = try reader.members("rope_scaling") else {
      return RotaryEmbedding(base: base)
    }
    return RotaryEmbedding(base: base, scaling: try scaling(parameters))
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

  static func fields(_ rotary: RotaryEmbedding) -> [HuggingFaceFields.Field] {
    let theta = JSONValue(rotary.base)
    var parameters = scalingMembers(rotary.scaling)
    parameters["rope_theta"] = theta
    let scaling: JSONValue =
      rotary.scaling == .none ? .null : .object(scalingMembers(rotary.scaling).sorted())
    return [
      .init("rope_theta", theta, .unlessFileHas("rope_parameters")),
      .init("rope_scaling", scaling, .unlessFileHas("rope_parameters")),
      .init(
        "rope_parameters", .object(parameters.sorted()), .whereFileHas("rope_parameters")),
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
