// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Tensors
import Training

/// What a grown file's type of numbers lets a growth keep.
///
/// Multiplying by powers of two is exact in every type, and so is taking values over, with the noise that
/// is chosen for a type of 16 bits. Anything else (a third, a mean, another type) is rounded to the file's type; in a type of 16 bits
/// the grown model then computes what it should only up to that rounding.
public struct FileRounding: Sendable, Hashable, Codable {
  /// The coarsest type of the grown model's tensors.
  public var type: DType
  /// Tensors with values that had to be rounded to 16 bits; new values, which may be any, do not count.
  public var roundedTensorCount: Int
  /// One of them; nil for none.
  public var example: String?
  /// Whether rounding may send tokens to other experts, which no bound tells from a mistake; nil for no.
  public var choosesExperts: Bool?

  /// What rounding may do to a number, relative to it: half of its type's last place.
  public var unitRoundoff: Double { type.format?.unitRoundoff ?? 0 }

  /// Whether the growth is exact in the file's type.
  public var isExact: Bool { roundedTensorCount == 0 }

  /// What rounding to the file's type does to the small model (``rounded(_:)``); nil where nothing is
  /// rounded, and where the table's bounds did without.
  public var cost: ModelRounding?

  /// How many times the cost a growth may differ.
  ///
  /// A growth rounds each weight once, as the measurement does, but others to other numbers: logits and
  /// streams of six families were seen to differ by up to 1.9 times the cost.
  public static let tolerance = 4.0

  /// What rounding to the file's type may do to a check; nil where its cost was not measured.
  func bound(_ check: VerificationCheck) -> Double? {
    cost?.own(check, .float32).map { Self.tolerance * $0 }
  }

  /// What the files of a growth let it keep; nil where no tensor of the grown model has 16 bits.
  ///
  /// - Parameters:
  ///   - path: the growths; nil for unknown ones, which count as exact.
  public init?(small: ModelDirectory, grown: ModelDirectory, path: GrowthPath?) {
    let (types, grownTypes) = (small.types, grown.types)
    guard let coarsest = grownTypes.filter(\.isHalfPrecision).min(by: { $0.digits < $1.digits })
    else { return nil }
    let origins = path?.origins(of: types) ?? []
    let rounded = zip(origins, grownTypes).enumerated().filter { !$1.0.isExact(in: $1.1) }
    type = coarsest
    roundedTensorCount = rounded.count
    example = rounded.first.map { grown.program.parameters[$0.offset].name }
    if grown.configuration.model.traits.experts != nil { choosesExperts = true }
  }
}

extension FileRounding {
  /// Two thirds of a tensor rounded to the file's type, times three halves: what a growth does that
  /// multiplies by anything but powers of two, whatever type the small model has.
  ///
  /// - Throws: the errors of Tensors for a tensor of no real numbers.
  func rounded(_ tensor: HostTensor) throws -> HostTensor {
    let parts = HostTensor(
      try tensor.converted(to: .float32).floats.map { $0 * 2 / 3 }, shape: tensor.shape)
    let floats = try parts.converted(to: type).converted(to: .float32).floats
    return HostTensor(floats.map { $0 * 3 / 2 }, shape: tensor.shape)
  }
}

extension ModelDirectory {
  /// The types of the program's parameters in the files.
  var types: [DType] {
    tensorNames.map { tensors.entry(named: $0)?.dtype ?? .float32 }
  }
}

/// What a tensor's values are.
private enum ValueOrigin {
  /// Those of a file of this type, times powers of two.
  case taken(DType)
  /// New ones, on which nothing depends.
  case free
  /// Sums, or products with other numbers.
  case computed

  func isExact(in type: DType) -> Bool {
    guard type.isHalfPrecision else { return true }
    switch self {
    case .taken(let source): return source == type
    case .free: return true
    case .computed: return false
    }
  }
}

extension GrowthPath {
  fileprivate func origins(of types: [DType]) -> [ValueOrigin] {
    carried(types.map { ValueOrigin.taken($0) }) { _, growth, origin in
      if case .taken = origin, !growth.isExact { return .computed }
      return origin ?? .free
    }
  }
}

extension TensorGrowth {
  /// Whether values are the source's times powers of two, or new.
  fileprivate var isExact: Bool {
    // Noise is chosen so that 16 bits hold it (``RepresentableNoise``).
    guard valueScale.isExactFactor else { return false }
    let isScaled = valueScale != 1 || axes.contains { $0.runs.contains { $0.value != 1 } }
    if gainOffset != 0 && isScaled { return false }
    return zip(axes, target.axes).allSatisfy { map, axis in
      map.runs.allSatisfy { run in
        switch run.source {
        case .indices: run.value.isExactFactor
        case .zero, .new: true
        // New tokens' rows may be any.
        case .mean: axis.segments.allSatisfy { $0.space == .vocabulary }
        case .blend: false
        }
      }
    }
  }
}

extension Double {
  /// Whether multiplying by this is exact: zero or a power of two.
  fileprivate var isExactFactor: Bool { self == 0 || magnitude.significand == 1 }
}

extension DType {
  /// Digits of a floating-point type's significand; none for integers.
  fileprivate var digits: Int { format?.digits ?? 0 }
}
