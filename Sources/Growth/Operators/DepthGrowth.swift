// SPDX-License-Identifier: Apache-2.0
import Architectures
import Wording

/// Adds blocks.
///
/// By default a new block is a copy of its neighbour that adds nothing at first, so that the model
/// computes what it did. Stacking copies (Du et al., "Stacking Your Transformers", arXiv 2405.15319;
/// Saunshi et al., "MIDAS", arXiv 2409.19044) and new random blocks change the function.
public struct DepthGrowth: GrowthOperator {
  /// What a new block is.
  public enum Block: String, Sendable, Hashable, CaseIterable, Codable {
    /// A copy with zero in the matrices and biases that write to the residual stream.
    case identityByOutput
    /// A new block with zero in the matrices that write to the residual stream.
    case freshIdentity
    /// A copy with zero in the norms and biases, as in the staged-training paper.
    case identityByNorm
    /// A plain copy.
    case copy
    /// A new block as a new model starts it.
    case fresh

    /// That of a growth of which nothing else is said.
    public static let `default` = Block.identityByOutput
  }

  /// Where new blocks go.
  public enum Placement: Sendable, Hashable {
    /// After each block, evenly; each is made of the block before it.
    case interleaved
    /// After the last block; the stack is repeated from its start.
    case appended
    /// In the middle, made of the blocks there.
    case middle
    /// One source for each block of the grown model. The first block made of a source is the source
    /// itself, later ones are new blocks.
    case sources([Int])

    /// That of a growth of which nothing else is said.
    public static let `default` = Placement.interleaved
  }

  /// The blocks of the grown model, as they are asked for.
  public enum Layers: Sendable, Hashable {
    /// So many.
    case count(Int)
    /// The source of each.
    case sources([Int])
  }

  /// How many blocks the grown model has.
  public enum Size: Sendable, Hashable {
    /// So many times as many.
    case factor(Int)
    /// So many.
    case layers(Int)
  }

  /// How many blocks the grown model has; ``Placement/sources(_:)`` must list as many.
  public var size: Size
  /// What a new block is.
  public var block: Block
  /// Where new blocks go.
  public var placement: Placement
  /// Whether plain copies take their sources' moments and step counts; by default they start anew.
  public var copiesMoments: Bool
  /// The factor on the matrices (and biases) with which plain copies write to the residual stream; the
  /// sources keep theirs.
  public var outputScale = 1.0

  /// A growth to a number of blocks.
  public init(
    to layers: Int, block: Block = .default, placement: Placement = .default,
    copiesMoments: Bool = false
  ) {
    size = .layers(layers)
    self.block = block
    self.placement = placement
    self.copiesMoments = copiesMoments
  }

  /// A growth to so many times as many blocks.
  public init(
    factor: Int, block: Block = .default, placement: Placement = .default,
    copiesMoments: Bool = false
  ) {
    self.init(to: 0, block: block, placement: placement, copiesMoments: copiesMoments)
    size = .factor(factor)
  }

  /// A growth by an explicit list: for each block of the grown model, the block it is made of.
  public init(sources: [Int], block: Block = .default, copiesMoments: Bool = false) {
    self.init(
      to: sources.count, block: block, placement: .sources(sources), copiesMoments: copiesMoments)
  }

  /// One plan; none where the number of blocks stays.
  public func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    let layers = try layerSources(of: model)
    if layers == (0..<model.layerCount).map({ .kept($0) }) { return [] }
    try checkBlock(model)
    var target = model
    target.layerCount = layers.count
    try target.validate()
    let scale = outputScale == 1 ? "" : ", outputs × \(outputScale)"
    var plan = GrowthPlan(
      "depth \(model.layerCount) → \(layers.count) (\(block.rawValue)\(scale))", from: model,
      to: target, guarantees: guarantees(layers, of: model))
    plan.layers = layers
    plan.tensorScales = try outputScales(layers, of: target)
    return [plan]
  }

  /// The factors on what new blocks write to the residual stream.
  private func outputScales(
    _ layers: [LayerSource], of target: ModelConfiguration
  ) throws -> [String: Double] {
    guard outputScale != 1 else { return [:] }
    try GrowthError.check(
      block == .copy && Float(outputScale).isNormal, .invalidOptions, subject: "output scale",
      "\(outputScale) on \(block.rawValue); expected a number of float32 other than 0, on plain copies "
        + "(with 0 they are identityByOutput)")
    let areNew = layers.areNew
    let writers = try target.program().parameters.filter { spec in
      spec.role.writesToResidual && spec.layer.map { areNew[$0] } ?? false
    }
    return Dictionary(writers.map { ($0.name, outputScale) }) { first, _ in first }
  }

  private func layerSources(of model: ModelConfiguration) throws -> [LayerSource] {
    let (count, old) = (try layerCount(of: model), model.layerCount)
    if case .sources(let sources) = placement {
      try GrowthError.check(
        sources.count == count, .invalidOptions, subject: "placement",
        "lists the sources of \(counted(sources.count, "layer")), and the grown model has \(count); list one "
          + "for each")
      return try listed(sources, old)
    }
    try GrowthError.check(
      count >= old, .unreachable, subject: "depth",
      "is \(count), fewer than the model's \(counted(old, "layer"))")
    // Before each layer is listed.
    try checkCount(count, model)
    let kept = (0..<old).map { LayerSource.kept($0) }
    let added = count - old
    if old == 0 { return try (0..<count).map { _ in try new(of: nil) } }
    switch placement {
    case .appended, .sources:
      return kept + (try (0..<added).map { try new(of: $0 % old) })
    case .middle:
      let window = min(added, old)
      let first = (old - window) / 2
      let middle = try (0..<added).map { try new(of: first + $0 % window) }
      return kept[..<(old / 2)] + middle + kept[(old / 2)...]
    case .interleaved:
      return try (0..<old).flatMap { layer in
        let copies = (layer + 1) * added / old - layer * added / old
        return [.kept(layer)] + (try (0..<copies).map { _ in try new(of: layer) })
      }
    }
  }

  private func checkCount(_ count: Int, _ model: ModelConfiguration) throws {
    var target = model
    target.layerCount = count
    try target.validate()
  }

  private func layerCount(of model: ModelConfiguration) throws -> Int {
    switch size {
    case .layers(let count): return count
    case .factor(let factor):
      let (product, overflow) = model.layerCount.multipliedReportingOverflow(by: factor)
      try GrowthError.check(
        factor >= 1 && !overflow, .invalidOptions, subject: "depth",
        "\(factor) is not a factor; expected 2 or more")
      return product
    }
  }

  private func listed(_ sources: [Int], _ layerCount: Int) throws -> [LayerSource] {
    var seen: Set<Int> = []
    return try sources.enumerated().map { index, layer in
      try GrowthError.check(
        (0..<layerCount).contains(layer), .invalidOptions, subject: "placement",
        "layer \(index) is to be made of layer \(layer), and the model has "
          + (layerCount < 2
            ? layerCount == 0 ? "none" : "layer 0 alone" : "the layers 0 to \(layerCount - 1)"))
      return seen.insert(layer).inserted ? .kept(layer) : try new(of: layer)
    }
  }

  private func new(of layer: Int?) throws -> LayerSource {
    switch (block, layer) {
    case (.identityByOutput, let layer?): return .identityByOutput(layer)
    case (.identityByNorm, let layer?): return .identityByNorm(layer)
    case (.copy, let layer?): return copiesMoments ? .kept(layer) : .copy(layer)
    case (.fresh, _): return .fresh
    case (.freshIdentity, _), (.identityByOutput, nil): return .freshIdentity
    case (.identityByNorm, nil), (.copy, nil):
      throw GrowthError(
        .unreachable, "a model without layers has none to copy; use fresh or freshIdentity",
        subject: "block")
    }
  }

  /// In a gated feed-forward two factors are zero at once, and neither ever gets a gradient.
  private func checkBlock(_ model: ModelConfiguration) throws {
    try GrowthError.check(
      block != .identityByNorm || (!model.traits.isGated && model.traits.gain == .plain),
      .deadParameters, subject: "block",
      "blocks with zero norms never learn in a gated feed-forward, and need gains "
        + "(\(model.family.name)); "
        + "use identityByOutput")
  }

  private func guarantees(_ layers: [LayerSource], of model: ModelConfiguration) -> Guarantees {
    let kept = layers.compactMap { layer -> Int? in
      if case .kept(let layer) = layer { layer } else { nil }
    }
    let keepsFunction =
      kept == Array(0..<model.layerCount) && layers.allSatisfy { $0.isKept || $0.isIdentity }
    return keepsFunction ? [.loss, .moments, .symmetry, .liveness] : [.symmetry, .liveness]
  }
}

extension GrowthParameter {
  /// ``GrowthDescription/depth``.
  public static let depth = integer(
    "depth", .size, \.depth, in: 1...65536, help: "Repeat the layers this many times.",
    otherwise: ["layers"])

  /// ``GrowthDescription/layers``.
  public static let layers = GrowthParameter(
    "layers", .size, \.layers,
    help: "The number of layers, or the source of each of them, counted from 0: 0-5,2-7.",
    expected: { _ in
      "a number of layers from 0 to 65536, or a list of source layers such as 0-5,2-7"
    },
    placeholder: "count|list",
    read: { written in
      if let count = written.integer {
        return (0...65536).contains(count) ? .count(count) : nil
      }
      return written.indices.map { .sources($0) }
    },
    write: { layers in
      switch layers {
      case .count(let count): .integer(count)
      case .sources(let sources): .list(sources)
      }
    })

  /// ``GrowthDescription/block``.
  public static let block = choice(
    "block", .manner, \.block, help: "What a new layer is.", defaultValue: .default,
    speaksOf: ["depth", "layers"])

  /// ``GrowthDescription/placement``.
  public static let placement = GrowthParameter(
    "placement", .manner, \.placement,
    help: "Where new layers go: interleaved, appended, middle, or the source of each layer.",
    expected: { _ in "interleaved, appended, middle, or a list of source layers such as 0,1,1" },
    placeholder: "interleaved|appended|middle|list", defaultValue: .word("interleaved"),
    speaksOf: ["depth", "layers"],
    read: { written in
      switch written {
      case .word("interleaved"): .interleaved
      case .word("appended"): .appended
      case .word("middle"): .middle
      default: written.indices.map { .sources($0) }
      }
    },
    write: { placement in
      switch placement {
      case .interleaved: .word("interleaved")
      case .appended: .word("appended")
      case .middle: .word("middle")
      case .sources(let sources): .list(sources)
      }
    })

  /// ``GrowthDescription/outputScale``.
  public static let outputScale = number(
    "outputScale", .manner, \.outputScale,
    help: "Multiply by this what copied layers write to the residual stream.",
    expected: {
      "a number of float32 other than 0; layers that add nothing are \(name("block", $0)) "
        + word(DepthGrowth.Block.identityByOutput.rawValue, $0)
    }, defaultValue: 1,
    speaksOf: ["depth", "layers"]
  ) { Float($0).isNormal }
}
