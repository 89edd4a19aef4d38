// SPDX-License-Identifier: Apache-2.0
import Training

extension ScheduleContinuation: Codable {
  private enum Key: String, CodingKey { case kind, ratio, rewarmup }
  private enum Kind: String, Codable { case automatic, continued, repositioned }

  /// Reads `{"kind": "repositioned", "ratio": 1.776, "rewarmup": "200 steps"}`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    switch try container.decode(Kind.self, forKey: .kind) {
    case .automatic: self = .automatic
    case .continued: self = .continued
    case .repositioned:
      self = .repositioned(
        ratio: try container.decode(Double.self, forKey: .ratio),
        rewarmup: try container.decodeIfPresent(TrainingDuration.self, forKey: .rewarmup))
    }
  }

  /// Writes the kind with what belongs to it.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    switch self {
    case .automatic: try container.encode(Kind.automatic, forKey: .kind)
    case .continued: try container.encode(Kind.continued, forKey: .kind)
    case .repositioned(let ratio, let rewarmup):
      try container.encode(Kind.repositioned, forKey: .kind)
      try container.encode(ratio, forKey: .ratio)
      try container.encodeIfPresent(rewarmup, forKey: .rewarmup)
    }
  }
}

extension GrowthOptions: Codable {
  private enum Key: String, CodingKey { case seed, moments, schedule, source, sourceHash }

  /// Reads options.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    self.init(
      seed: try container.decode(UInt64.self, forKey: .seed),
      moments: try container.decode(MomentPolicy.self, forKey: .moments),
      schedule: try container.decode(ScheduleContinuation.self, forKey: .schedule),
      source: try container.decodeIfPresent(String.self, forKey: .source),
      sourceHash: try container.decodeIfPresent(String.self, forKey: .sourceHash))
  }

  /// Writes options; a source that is not known is left out.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(seed, forKey: .seed)
    try container.encode(moments, forKey: .moments)
    try container.encode(schedule, forKey: .schedule)
    try container.encodeIfPresent(source, forKey: .source)
    try container.encodeIfPresent(sourceHash, forKey: .sourceHash)
  }
}
