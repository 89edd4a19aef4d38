// SPDX-License-Identifier: Apache-2.0
import Architectures

extension GrowthReceipt {
  /// Where one tensor's numbers came from.
  ///
  /// An entry with a source is `valueScale` times the factors `value` of its axes' runs times the
  /// source's entry; its gradient is `gradientScale` times the factors `gradient` times the source's.
  public struct Tensor: Sendable, Hashable {
    /// Its name in the grown model's files.
    public var name: String
    /// Its extents.
    public var shape: [Int]
    /// The small model's tensor that it comes from; nil where all entries are new.
    public var source: String?
    /// How new entries begin.
    public var initializer: ParameterSpec.Initializer
    /// The runs of each axis; none where all entries are new.
    public var axes: [AxisMap]
    /// Which entries take values.
    public var pattern: TensorGrowth.Pattern
    /// The factor on all values.
    public var valueScale: Double
    /// The factor on all gradients.
    public var gradientScale: Double
    /// Noise that copies of an input cancel; nil for none.
    public var noise: CancellingNoise?
    /// Whether moments and step count come from the source.
    public var keepsMoments: Bool
    /// Factor on the learning rate.
    public var learningRateMultiplier: Double
    /// Factor on AdamW's ε.
    public var epsilonMultiplier: Double

    init(_ growth: TensorGrowth, source: String?) {
      name = growth.target.name
      shape = growth.target.axes.map(\.size)
      self.source = source
      initializer = growth.target.initializer
      axes = growth.axes
      pattern = growth.pattern
      valueScale = growth.valueScale
      gradientScale = growth.gradientScale
      noise = growth.noise
      keepsMoments = growth.keepsMoments
      learningRateMultiplier = growth.learningRateMultiplier
      epsilonMultiplier = growth.epsilonMultiplier
    }
  }
}

extension GrowthReceipt.Tensor: Codable {
  private enum Key: String, CodingKey {
    case name, shape, source, new, axes, pattern, valueScale, gradientScale, noise, keepsMoments
    case learningRateMultiplier, epsilonMultiplier
  }

  /// How new entries begin, in files: `"zeros"`, `"ones"`, `{"constant": 0.25}`, or the standard deviation
  /// of Gaussians.
  private struct Start: Codable {
    private enum Key: String, CodingKey { case constant }
    var initializer: ParameterSpec.Initializer

    init(_ initializer: ParameterSpec.Initializer) { self.initializer = initializer }

    init(from decoder: any Decoder) throws {
      if let keys = try? decoder.container(keyedBy: Key.self) {
        initializer = .constant(try keys.decode(Double.self, forKey: .constant))
        return
      }
      let container = try decoder.singleValueContainer()
      if let deviation = try? container.decode(Double.self) {
        initializer = .normal(standardDeviation: deviation)
        return
      }
      switch try container.decode(String.self) {
      case "zeros": initializer = .zeros
      case "ones": initializer = .ones
      case let other:
        throw DecodingError.dataCorruptedError(
          in: container,
          debugDescription:
            "\"\(other.prefix(40))\" is unknown; expected zeros, ones or a standard deviation")
      }
    }

    func encode(to encoder: any Encoder) throws {
      switch initializer {
      case .zeros: try "zeros".encode(to: encoder)
      case .ones: try "ones".encode(to: encoder)
      case .normal(let standardDeviation): try standardDeviation.encode(to: encoder)
      case .constant(let value):
        var keys = encoder.container(keyedBy: Key.self)
        try keys.encode(value, forKey: .constant)
      }
    }
  }

  /// Reads a tensor's entry.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    func number(_ key: Key) throws -> Double {
      try container.decodeIfPresent(Double.self, forKey: key) ?? 1
    }
    name = try container.decode(String.self, forKey: .name)
    shape = try container.decode([Int].self, forKey: .shape)
    source = try container.decodeIfPresent(String.self, forKey: .source)
    initializer = try container.decode(Start.self, forKey: .new).initializer
    axes = try container.decodeIfPresent([AxisMap].self, forKey: .axes) ?? []
    pattern = try container.decodeIfPresent(TensorGrowth.Pattern.self, forKey: .pattern) ?? .dense
    valueScale = try number(.valueScale)
    gradientScale = try number(.gradientScale)
    noise = try container.decodeIfPresent(CancellingNoise.self, forKey: .noise)
    keepsMoments = try container.decode(Bool.self, forKey: .keepsMoments)
    learningRateMultiplier = try number(.learningRateMultiplier)
    epsilonMultiplier = try number(.epsilonMultiplier)
  }

  /// Writes a tensor's entry; factors of 1 and dense patterns are left out.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    func write(_ number: Double, _ key: Key) throws {
      if number != 1 { try container.encode(number, forKey: key) }
    }
    try container.encode(name, forKey: .name)
    try container.encode(shape, forKey: .shape)
    try container.encodeIfPresent(source, forKey: .source)
    try container.encode(Start(initializer), forKey: .new)
    if !axes.isEmpty { try container.encode(axes, forKey: .axes) }
    if pattern != .dense { try container.encode(pattern, forKey: .pattern) }
    try write(valueScale, .valueScale)
    try write(gradientScale, .gradientScale)
    try container.encodeIfPresent(noise, forKey: .noise)
    try container.encode(keepsMoments, forKey: .keepsMoments)
    try write(learningRateMultiplier, .learningRateMultiplier)
    try write(epsilonMultiplier, .epsilonMultiplier)
  }
}
