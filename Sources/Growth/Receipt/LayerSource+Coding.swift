// SPDX-License-Identifier: Apache-2.0

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
