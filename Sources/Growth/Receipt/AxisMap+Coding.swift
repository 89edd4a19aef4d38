// SPDX-License-Identifier: Apache-2.0

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
