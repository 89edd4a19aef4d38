// SPDX-License-Identifier: Apache-2.0

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
