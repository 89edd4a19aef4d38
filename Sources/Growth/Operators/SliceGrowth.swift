// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors

/// Stacks ranges of a model's blocks, each with factors on some of its tensors: depth up-scaling
/// (SOLAR, arXiv 2312.15166), block expansion (LLaMA-Pro, arXiv 2401.02415) and other recipes that are
/// known as passthrough merges.
///
/// The first block made of a source is the source itself; later ones are copies without moments. A
/// block whose matrices to the residual stream are all multiplied by zero adds nothing at first; where
/// every source is there once, in order, and all other blocks add nothing, the function is kept.
///
/// What comes before the blocks (embeddings) belongs to the first slice, what comes after them (final
/// norm, head) to the last, even where it has no blocks.
public struct SliceGrowth: GrowthOperator {
  /// A range of blocks.
  public struct Slice: Sendable, Hashable {
    /// The small model's blocks, from 0.
    public var layers: Range<Int>
    /// Factors; of several that fit a tensor the first counts.
    public var scales: [Scale]

    /// Makes a slice.
    public init(layers: Range<Int>, scales: [Scale] = []) {
      self.layers = layers
      self.scales = scales
    }
  }

  /// A factor on the tensors whose name contains a text.
  public struct Scale: Sendable, Hashable {
    /// What a tensor's name in the small model contains; nil or `*` for all of a slice.
    public var filter: String?
    /// The factors along the slice, from its first block to its last, linear in between.
    ///
    /// The only block of a slice takes the last one, tensors outside the blocks take the first.
    public var factors: [Double]

    /// Makes a factor.
    public init(filter: String? = nil, factor: Double) {
      self.init(filter: filter, factors: [factor])
    }

    /// Makes factors that change along the slice.
    public init(filter: String? = nil, factors: [Double]) {
      self.filter = filter
      self.factors = factors
    }

    func fits(_ name: String) -> Bool {
      guard let filter, filter != "*" else { return true }
      return name.contains(filter)
    }

    /// The factor at a place along the slice, 0 to 1.
    func factor(at place: Double) -> Double {
      guard let last = factors.last else { return 1 }
      let position = place * Double(factors.count - 1)
      let index = Int(position)
      guard index + 1 < factors.count else { return last }
      let fraction = position - Double(index)
      return (1 - fraction) * factors[index] + fraction * factors[index + 1]
    }
  }

  /// The slices, the lowest blocks first.
  public var slices: [Slice]
  /// The type to which values are rounded before they are multiplied; nil for none.
  public var sourceRounding: DType?

  /// A stack of slices.
  public init(_ slices: [Slice], sourceRounding: DType? = nil) {
    self.slices = slices
    self.sourceRounding = sourceRounding
  }

  /// One plan; none where the model stays what it is.
  ///
  /// - Throws: ``GrowthError`` of code `invalidOptions` for blocks that the model does not have, or
  ///   factors that are not finite.
  public func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    try model.validate()
    try check(model)
    var target = model
    target.layerCount = slices.reduce(0) { $0 + $1.layers.count }
    try GrowthError.check(
      target.layerCount > 0, .invalidOptions, subject: "slices", "no layers; expected at least one")
    try target.validate()
    let stack = try SliceStack(slices, from: model, to: target)
    let scales = stack.factors
    let isKept = stack.layers == (0..<model.layerCount).map { .kept($0) }
    if isKept && scales.isEmpty && sourceRounding == nil { return [] }
    var plan = GrowthPlan(
      operation(scaling: scales.count), from: model, to: target, layers: stack.layers,
      guarantees: guarantees(stack, of: model))
    plan.tensorScales = scales
    plan.sourceRounding = sourceRounding
    return [plan]
  }

  private func check(_ model: ModelConfiguration) throws {
    for slice in slices {
      let (first, end) = (slice.layers.lowerBound, slice.layers.upperBound)
      try GrowthError.check(
        first >= 0 && end <= model.layerCount, .invalidOptions, subject: "slices",
        "layers \(first) up to \(end) (not included) are not among the model's "
          + "\(model.layerCount), counted from 0")
      try GrowthError.check(
        slice.scales.allSatisfy { !$0.factors.isEmpty && $0.factors.allSatisfy(\.isFactor) },
        .invalidOptions, subject: "slices",
        "a factor is missing, or is neither 0 nor a number that float32 holds")
    }
  }

  private func operation(scaling count: Int) -> String {
    let ranges = slices.filter { !$0.layers.isEmpty }.map { slice in
      let (first, last) = (slice.layers.lowerBound, slice.layers.upperBound - 1)
      return first == last ? "\(first)" : "\(first)–\(last)"
    }
    let factors = count == 0 ? "" : "; factors on \(count) tensors"
    let rounding = sourceRounding.map { "; rounded to \($0.rawValue) first" } ?? ""
    return "layers " + ranges.joined(separator: ", ") + factors + rounding
  }

  private func guarantees(_ stack: SliceStack, of model: ModelConfiguration) -> Guarantees {
    let learning: Guarantees = stack.allLearns ? [.symmetry, .liveness] : []
    let keepsFunction = sourceRounding == nil && stack.addsNothing(to: model)
    return keepsFunction ? learning.union([.loss, .moments]) : learning
  }
}

extension Double {
  /// Whether float32 multiplies by this without making it infinite, or nothing of it.
  fileprivate var isFactor: Bool { self == 0 || Float(self).isNormal }
}

extension TensorRows {
  /// The same rows with every element rounded to a type of 16 bits, to nearest, ties to even; rows as
  /// they are for other types and for nil.
  func rounded(to type: DType?) -> TensorRows {
    guard let type, type.isHalfPrecision else { return self }
    return TensorRows(count: count, length: length) { [read, length] row, scratch in
      let elements = read(row, scratch)
      let target = UnsafeMutableBufferPointer(rebasing: scratch[..<length])
      withUnsafeTemporaryAllocation(byteCount: length * type.byteWidth, alignment: 16) { bytes in
        guard let base = bytes.baseAddress else { return }
        Scalar.encode(UnsafeBufferPointer(rebasing: elements[..<length]), as: type, into: base)
        Scalar.decode(base, type, into: target)
      }
      return Row(target)
    }
  }
}
