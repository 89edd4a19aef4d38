// SPDX-License-Identifier: Apache-2.0
import Architectures

/// Slices laid out: where each block comes from, and the factors by the grown tensors' names.
struct SliceStack {
  private struct Block {
    var layer: Int
    /// Factors other than 1.
    var factors: [String: Double]
    /// Whether all that it writes to the residual stream is multiplied by zero.
    var isSilent: Bool
    /// Whether its zeros are just those that keep it silent.
    var learns: Bool
  }

  private var blocks: [Block] = []
  private var outer: [String: Double] = [:]

  init(
    _ slices: [SliceGrowth.Slice], from model: ModelConfiguration, to target: ModelConfiguration
  ) throws {
    let (small, large) = (try model.program().parameters, try target.program().parameters)
    let sources = Dictionary(grouping: small) { $0.layer }
    let targets = Dictionary(grouping: large) { $0.layer }
    for slice in slices {
      for (index, layer) in slice.layers.enumerated() {
        let place = slice.layers.count > 1 ? Double(index) / Double(slice.layers.count - 1) : 1
        let pairs = zip(targets[blocks.count] ?? [], sources[layer] ?? [])
        blocks.append(Self.block(layer, Array(pairs), slice, at: place))
      }
    }
    let firstBlock = large.firstIndex { $0.layer != nil } ?? large.endIndex
    for (index, spec) in large.enumerated() where spec.layer == nil {
      let slice = index < firstBlock ? slices.first : slices.last
      outer[spec.name] = slice.flatMap { Self.factor($0, spec.name, at: 0) }
    }
  }

  /// All factors other than 1.
  var factors: [String: Double] {
    blocks.reduce(outer) { $0.merging($1.factors) { first, _ in first } }
  }

  /// Where each block comes from.
  var layers: [LayerSource] {
    var seen: Set<Int> = []
    return blocks.map { block in
      if block.isSilent { return .identityByOutput(block.layer) }
      return seen.insert(block.layer).inserted ? .kept(block.layer) : .copy(block.layer)
    }
  }

  /// Whether the blocks that compute something are the model's, as they are.
  func addsNothing(to model: ModelConfiguration) -> Bool {
    let speaking = blocks.filter { !$0.isSilent }
    return speaking.map(\.layer) == (0..<model.layerCount).map { $0 }
      && speaking.allSatisfy(\.factors.isEmpty) && outer.isEmpty
  }

  /// Whether nothing is multiplied by zero but what keeps a block silent: then all gets gradients.
  var allLearns: Bool { blocks.allSatisfy(\.learns) && !outer.values.contains(0) }

  private static func block(
    _ layer: Int, _ specs: [(target: ParameterSpec, source: ParameterSpec)],
    _ slice: SliceGrowth.Slice, at place: Double
  ) -> Block {
    var block = Block(layer: layer, factors: [:], isSilent: true, learns: true)
    for (target, source) in specs {
      let factor = factor(slice, source.name, at: place)
      block.factors[target.name] = factor
      if target.role.writesToResidual {
        block.isSilent = block.isSilent && factor == 0
      } else if factor == 0 {
        block.learns = false
      }
    }
    let hasZero = block.factors.values.contains(0)
    block.learns = block.learns && (block.isSilent || !hasZero)
    return block
  }

  /// The factor on a tensor of the small model; nil for 1.
  private static func factor(
    _ slice: SliceGrowth.Slice, _ name: String, at place: Double
  ) -> Double? {
    let factor = slice.scales.first { $0.fits(name) }?.factor(at: place) ?? 1
    return factor == 1 ? nil : factor
  }
}
