// SPDX-License-Identifier: Apache-2.0
import Architectures

/// Stacks ranges of a model's blocks, each with factors on some of its tensors: depth up-scaling
/// (SOLAR, arXiv 2312.15166), block expansion (LLaMA-Pro, arXiv 2401.02415) and other recipes that are
/// known as passthrough merges.
///
/// The first block made of a source is the source itself; later ones are copies without moments. A
/// copy whose matrices to the residual stream are all multiplied by zero adds nothing at first; where
/// all copies are such, the function is kept.
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
    /// What a tensor's name contains; nil for all of a slice.
    public var filter: String?
    /// The factor.
    public var factor: Double

    /// Makes a factor.
    public init(filter: String? = nil, factor: Double) {
      self.filter = filter
      self.factor = factor
    }
  }

  /// The slices, the lowest blocks first.
  public var slices: [Slice]

  /// A stack of slices.
  public init(_ slices: [Slice]) { self.slices = slices }

  /// One plan.
  ///
  /// - Throws: ``GrowthError`` of code `invalidOptions` for blocks that the model does not have, or
  ///   factors that are not finite.
  public func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    try model.validate()
    for slice in slices {
      try GrowthError.check(
        slice.layers.lowerBound >= 0 && slice.layers.upperBound <= model.layerCount,
        .invalidOptions, "slices",
        "\(slice.layers) are not among the model's \(model.layerCount) layers, counted from 0")
      try GrowthError.check(
        slice.scales.allSatisfy(\.factor.isFinite), .invalidOptions, "slices",
        "a factor is not finite")
    }
    var target = model
    target.layerCount = slices.reduce(0) { $0 + $1.layers.count }
    try GrowthError.check(
      target.layerCount > 0, .invalidOptions, "slices", "no layers; expected at least one")
    try target.validate()
    let blocks = try blocks(of: target)
    let layers = blocks.map(\.source)
    let scales = blocks.reduce(into: [:]) { $0.merge($1.scales) { first, _ in first } }
    let kept = layers.filter { !$0.isIdentity }.map(\.layer)
    let keepsFunction =
      kept == (0..<model.layerCount).map { $0 } && scales.isEmpty
      && layers.allSatisfy { $0.isKept || $0.isIdentity }
    var plan = GrowthPlan(
      "layers "
        + slices.map { "\($0.layers.lowerBound)–\($0.layers.upperBound - 1)" }
        .joined(separator: ", "),
      from: model, to: target, layers: layers,
      guarantees: keepsFunction ? [.loss, .moments, .symmetry, .liveness] : [])
    plan.tensorScales = scales
    return layers == (0..<model.layerCount).map({ .kept($0) }) && scales.isEmpty ? [] : [plan]
  }

  private struct Block {
    var source: LayerSource
    var scales: [String: Double]
  }

  private func blocks(of target: ModelConfiguration) throws -> [Block] {
    let specs = Dictionary(
      grouping: try target.program().parameters.filter { $0.layer != nil }, by: \.layer)
    var seen: Set<Int> = []
    var blocks: [Block] = []
    for slice in slices {
      for layer in slice.layers {
        var scales: [String: Double] = [:]
        for spec in specs[blocks.count] ?? [] {
          let scale = slice.scales.first { spec.name.contains($0.filter ?? "") }
          if let factor = scale?.factor, factor != 1 { scales[spec.name] = factor }
        }
        let isNew = !seen.insert(layer).inserted
        let isIdentity = isNew && silences(scales, specs[blocks.count] ?? [])
        blocks.append(
          Block(
            source: isIdentity ? .identityByOutput(layer) : isNew ? .copy(layer) : .kept(layer),
            scales: isIdentity ? [:] : scales))
      }
    }
    return blocks
  }

  /// Whether the factors are zero for exactly what writes to the residual stream.
  private func silences(_ scales: [String: Double], _ specs: [ParameterSpec]) -> Bool {
    specs.allSatisfy { spec in
      spec.role.writesToResidual ? scales[spec.name] == 0 : scales[spec.name] == nil
    }
  }
}
