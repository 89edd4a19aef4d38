// SPDX-License-Identifier: Apache-2.0
import Architectures
import Documents

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

/// Factors of 1 and dense patterns are left out.
extension GrowthReceipt.Tensor: FieldCoded {
  package init(_ fields: FieldCoder, of old: GrowthReceipt.Tensor?) throws {
    name = try fields.required("name", old?.name)
    shape = try fields.required("shape", old?.shape)
    source = try fields.optional("source", old?.source)
    initializer = try fields.required("new", old.map { Start($0.initializer) }).initializer
    axes = try fields.field("axes", old?.axes, default: [])
    pattern = try fields.field("pattern", old?.pattern, default: .dense)
    valueScale = try fields.field("valueScale", old?.valueScale, default: 1)
    gradientScale = try fields.field("gradientScale", old?.gradientScale, default: 1)
    noise = try fields.optional("noise", old?.noise)
    keepsMoments = try fields.required("keepsMoments", old?.keepsMoments)
    learningRateMultiplier = try fields.field(
      "learningRateMultiplier", old?.learningRateMultiplier, default: 1)
    epsilonMultiplier = try fields.field("epsilonMultiplier", old?.epsilonMultiplier, default: 1)
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
}
