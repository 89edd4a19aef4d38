// SPDX-License-Identifier: Apache-2.0
import OrderedJSON
import Wording

/// The keys that say how many positions a query sees: all layers must be alike.
struct HuggingFaceWindow {
  private let keys: DecoderConfigurationKeys

  init(_ keys: DecoderConfigurationKeys) { self.keys = keys }

  // MARK: Reading

  /// How many positions a query sees; nil for all before it.
  func window(_ reader: ConfigurationReader, layerCount: Int) throws -> Int? {
    let types = try layerTypes(reader, layerCount: layerCount)
    guard let key = keys.window else {
      if keys.layerTypes != nil, types.contains(.sliding) {
        throw reader.unsupported(
          "layer_types", .string("sliding_attention"), expected: "\"full_attention\" everywhere")
      }
      return nil
    }
    let isOn = try keys.windowSwitch.map { try reader.boolean($0, default: false) } ?? true
    // Read also where they do not count: a file that holds nonsense there is refused by others.
    let given = try reader.optionalInteger(key)
    let before = try keys.layersBeforeWindow.map { try reader.integer($0, default: 0) } ?? 0
    let size = isOn ? given : nil
    if keys.layerTypes != nil, !types.isEmpty {
      return try window(reader, types, size)
    }
    guard let size, before > 0 else { return size }
    guard before < layerCount else { return nil }
    let first = keys.layersBeforeWindow ?? ""
    throw mixture(
      reader, key: first, value: JSONValue(before), window: size,
      remedy: "\(first) would have to be 0, or at least the \(counted(layerCount, "layer"))")
  }

  private enum LayerType: String { case full = "full_attention", sliding = "sliding_attention" }

  private func window(
    _ reader: ConfigurationReader, _ types: [LayerType], _ size: Int?
  ) throws -> Int? {
    guard types.contains(.sliding) else { return nil }
    guard let size else {
      throw reader.failure(
        .malformedFile, "layer_types",
        "\"sliding_attention\" needs a window, and \(keys.window ?? "") gives none"
          + (keys.windowSwitch.map { "; set it and \($0): true, or say \"full_attention\"" } ?? ""))
    }
    guard !types.contains(.full) else {
      throw mixture(
        reader, key: "layer_types", value: .string("a mixture"), window: size,
        remedy: "all layers would have to be of one type"
      )
    }
    return size
  }

  private func mixture(
    _ reader: ConfigurationReader, key: String, value: JSONValue, window size: Int,
    remedy: String
  ) -> ArchitecturesError {
    let off =
      keys.windowSwitch.map { "set \($0) to false" }
      ?? "set layer_types to \"full_attention\" for each layer"
    return reader.unsupported(
      key, value,
      expected:
        "the same type for every layer: \(remedy). Some layers here see \(size) positions and "
        + "the others all; for texts that are no longer the window changes nothing, and you can \(off)"
    )
  }

  /// The layers' types; none where the file does not say.
  private func layerTypes(
    _ reader: ConfigurationReader, layerCount: Int
  ) throws -> [LayerType] {
    let key = keys.layerTypes ?? "layer_types"
    guard reader.has(key) else { return [] }
    let names = try reader.strings(key)
    try check(names, of: key, layerCount, reader)
    try checkFeedForwardTypes(reader, layerCount: layerCount)
    return try names.map { name in
      // Files of older versions say "attention".
      guard let type = LayerType(rawValue: name == "attention" ? "full_attention" : name) else {
        throw reader.unsupported(
          key, .string(name), expected: "\"full_attention\" or \"sliding_attention\"")
      }
      return type
    }
  }

  private func check(
    _ names: [String], of key: String, _ layerCount: Int, _ reader: ConfigurationReader
  ) throws {
    guard names.count != layerCount else { return }
    throw reader.failure(
      .unsupportedFeature, key,
      "names \(counted(names.count, "layer")), and the model has \(layerCount); expected one name for each"
    )
  }

  private static let feedForwardKey = "mlp_layer_types"

  /// Beside the layers' types transformers looks at those of their feed-forwards, which say nothing of
  /// these families.
  private func checkFeedForwardTypes(
    _ reader: ConfigurationReader, layerCount: Int
  ) throws {
    let key = Self.feedForwardKey
    guard reader.has(key) else { return }
    let names = try reader.strings(key)
    try check(names, of: key, layerCount, reader)
    if let name = names.first(where: { !["dense", "sparse"].contains($0) }) {
      throw reader.unsupported(key, .string(name), expected: "\"dense\" or \"sparse\"")
    }
  }

  // MARK: Writing

  func fields(_ model: ModelConfiguration) -> [HuggingFaceFields.Field] {
    let window = model.traits.window
    var fields: [HuggingFaceFields.Field] = []
    // Also where it is not heeded: it must name as many layers as there are.
    let key = keys.layerTypes ?? "layer_types"
    let type: LayerType = window == nil ? .full : .sliding
    fields.append(
      .init(
        key, .array(Array(repeating: .string(type.rawValue), count: model.layerCount)),
        .whereFileHas(key)))
    let kind = model.traits.experts == nil ? "dense" : "sparse"
    fields.append(
      .init(
        Self.feedForwardKey, .array(Array(repeating: .string(kind), count: model.layerCount)),
        .whereFileHas(Self.feedForwardKey)))
    if let key = keys.windowSwitch { fields.append(.init(key, .boolean(window != nil))) }
    if let key = keys.layersBeforeWindow {
      fields.append(.init(key, window == nil ? nil : JSONValue(0)))
    }
    if let key = keys.window {
      fields.append(.init(key, window.map { JSONValue($0) } ?? .null))
    }
    return fields
  }
}
