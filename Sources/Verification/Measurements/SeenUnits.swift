// SPDX-License-Identifier: Apache-2.0
import Architectures
import Interpretation
import Text

/// What batches can give a gradient to: the tokens, positions and experts that they reach.
struct SeenUnits {
  private let program: Program
  private let inputs: Set<Int>
  private let targets: Set<Int>
  private let positions: Int
  /// Of each block with experts, those that tokens of every batch take.
  private var experts: [Int: Set<Int>] = [:]

  init(_ batches: [TokenBatch], in program: Program) {
    self.program = program
    var (inputs, targets, positions) = (Set<Int>(), Set<Int>(), 0)
    for batch in batches {
      for row in 0..<batch.sequenceCount {
        let range = row * batch.sequenceLength..<(row + 1) * batch.sequenceLength
        // What comes after the last target is read by nothing that is measured.
        guard let last = range.last(where: { batch.targets[$0] >= 0 }) else { continue }
        inputs.formUnion(batch.inputs[range.lowerBound...last].map { Int($0) })
        targets.formUnion(batch.targets[range].filter { $0 >= 0 }.map { Int($0) })
        positions = max(positions, last - range.lowerBound + 1)
      }
    }
    (self.inputs, self.targets, self.positions) = (inputs, targets, positions)
  }

  /// Notes the experts that a batch's tokens take before a step; whatever waits for another step needs
  /// them in both.
  ///
  /// - Parameter values: gives the parameters as they stand.
  /// - Throws: the errors of Interpretation, and of `values`.
  mutating func addExperts(of batch: TokenBatch, with values: () throws -> [[Double]]) throws {
    let layers = program.expertLayers
    guard !layers.isEmpty else { return }
    let chosen = try ReferenceModel(program: program, parameters: values()).chosenExperts(batch)
    for (layer, experts) in zip(layers, chosen) {
      self.experts[layer] = self.experts[layer]?.intersection(experts) ?? experts
    }
  }

  /// Whether a parameter belongs to no expert, or to one that was taken.
  func contains(_ spec: ParameterSpec) -> Bool {
    guard let layer = spec.layer, let expert = spec.expert else { return true }
    return experts[layer]?.contains(expert) ?? true
  }

  /// Whether a unit of one of a parameter's axes was reached.
  func contains(_ space: ParameterSpec.Space, _ unit: Int, of spec: ParameterSpec) -> Bool {
    switch (space, spec.role) {
    case (.vocabulary, .head): targets.contains(unit)
    // A head of its own answers for the targets, and gives them no gradient here.
    case (.vocabulary, _):
      inputs.contains(unit) || program.tiesHead && targets.contains(unit)
    case (.position, _): unit < positions
    case (.expert, _): spec.layer.flatMap { experts[$0]?.contains(unit) } ?? true
    case (.key, .bias): false
    default: true
    }
  }
}

extension SeenUnits {
  /// A mask of a parameter's entries with those added that the batches do not reach.
  func addingUnseen(of spec: ParameterSpec, to mask: [Bool]) -> [Bool] {
    guard contains(spec) else { return mask.map { _ in true } }
    var result = mask
    var stride = mask.count
    for axis in spec.axes {
      let size = axis.size
      stride /= max(1, size)
      let seen = axis.units.map { contains($0.space, $0.unit, of: spec) }
      for element in mask.indices where !seen[element / max(1, stride) % size] {
        result[element] = true
      }
    }
    return result
  }
}

extension Program {
  /// The blocks with experts, in order.
  fileprivate var expertLayers: [Int] {
    operations.compactMap { operation in
      guard case .mixture(let mixture) = operation else { return nil }
      return parameters[mixture.router].layer
    }
  }
}

extension ParameterSpec.Axis {
  /// The space of each index, and the unit's number there.
  var units: [(space: ParameterSpec.Space, unit: Int)] {
    var counts: [ParameterSpec.Space: Int] = [:]
    return segments.flatMap { segment in
      let first = counts[segment.space, default: 0]
      counts[segment.space] = first + segment.size
      return (first..<first + segment.size).map { (segment.space, $0) }
    }
  }
}
