// SPDX-License-Identifier: Apache-2.0
import Wording

/// How many numbers a model learns.
///
/// A parameter that is used twice, as a tied head, counts once.
public struct ParameterCount: Sendable, Hashable {
  /// Parameters of each role; roles that the model lacks are missing.
  public private(set) var byRole: [ParameterSpec.Role: Int] = [:]

  /// Counts specs, whose sizes a validated configuration gave.
  public init(_ specs: [ParameterSpec]) {
    for spec in specs { byRole[spec.role, default: 0] += spec.shape.elementCount }
  }

  /// Counts a model of equal blocks from the programs of none and of one.
  ///
  /// - Returns: nil where a number leaves `Int`.
  init?(outsideBlocks: ParameterCount, withOneBlock: ParameterCount, layerCount: Int) {
    for (role, count) in withOneBlock.byRole {
      let outside = outsideBlocks[role]
      let (inBlocks, overflow) = (count - outside).multipliedReportingOverflow(by: layerCount)
      let (sum, sumOverflow) = inBlocks.addingReportingOverflow(outside)
      guard !overflow, !sumOverflow else { return nil }
      if sum > 0 { byRole[role] = sum }
    }
  }

  /// Parameters of a role.
  public subscript(role: ParameterSpec.Role) -> Int { byRole[role, default: 0] }

  /// All of them.
  public var total: Int { byRole.values.reduce(0, +) }

  /// All but the token embedding, the position embedding and a head of its own: the blocks and the
  /// final norm, as scaling laws count (Kaplan et al., arXiv 2001.08361).
  public var withoutEmbeddings: Int {
    total - self[.tokenEmbedding] - self[.positionEmbedding] - self[.head]
  }

  /// Floating-point operations to train on one token by the rule 6 N, N being without embeddings.
  public var trainingFLOPsBySixN: Double { 6 * Double(withoutEmbeddings) }
}

extension Program {
  /// How many numbers the program learns.
  public var parameterCount: ParameterCount { ParameterCount(parameters) }
}

extension ModelConfiguration {
  /// How many numbers the model learns, counted without listing every block.
  ///
  /// - Throws: ``ArchitecturesError`` where the configuration contradicts itself.
  public func parameterCount() throws -> ParameterCount {
    try validate()
    return try parameterCountOfValidSizes()
  }

  /// The count, once every extent is within its limit.
  func parameterCountOfValidSizes() throws -> ParameterCount {
    let block = uncheckedProgram(layerCount: 1)
    guard block.parameters.count <= Self.mostTensors / max(1, layerCount) else {
      throw ArchitecturesError(
        .invalidConfiguration,
        "\(counted(layerCount, "layer")) of \(counted(block.parameters.count, "tensor")) each are more than "
          + "\(Self.mostTensors) tensors; check the layers and experts", subject: "layerCount")
    }
    // Many experts of valid sizes may be more than an integer counts.
    let isCountable =
      block.parameters.reduce(0.0) { $0 + Double($1.shape.elementCount) } < 0x1p62
    let count =
      isCountable
      ? ParameterCount(
        outsideBlocks: uncheckedProgram(layerCount: 0).parameterCount,
        withOneBlock: block.parameterCount, layerCount: layerCount) : nil
    // Float64 cannot overflow here, and is exact up to the limit.
    let total = count?.byRole.values.reduce(0.0) { $0 + Double($1) }
    guard let count, let total, total <= Double(Self.mostParameters) else {
      throw ArchitecturesError(
        .invalidConfiguration,
        "\(layerCount) layers of these sizes have more than \(Self.mostParameters) parameters",
        subject: "layerCount")
    }
    return count
  }
}
