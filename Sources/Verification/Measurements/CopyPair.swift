// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Growth
import Text
import Training

/// Two copies of a unit, as one tensor that writes to them sees them before and after training.
struct CopyPair: Sendable {
  /// The space of the unit.
  var space: String
  /// The unit in the model before the growths; nil for a unit of a tensor that a growth made.
  var origin: UnitPlace?
  /// The cosine distance of both after the growth.
  var atGrowth: Double
  /// The same after training.
  var afterTraining: Double
  /// How far training moved the copies: the larger cosine distance of both from themselves.
  var movement: Double
  /// Of the trained weights' power, the share that the weights at the growth had; at most 1.
  var keptPower: Double

  /// Steps after which copies that can part have parted, at the usual learning rates.
  ///
  /// AdamW's first step has the size of the learning rate whatever the gradient's, so copies whose
  /// gradients differ by a factor part from the second step on.
  static let settledSteps = 10

  /// The least distance to expect of copies that part, from how far training moved them.
  ///
  /// Unequal shares part copies by the square of their movement, noise by its share of the weights' power,
  /// of which the weakest that is promised to part them is 40 dB below them. A hundredth leaves room for
  /// units that part more slowly than others. Steps so large that next to nothing is left of the weights
  /// drown both.
  var expected: Double {
    let noise = pow(10, -GrowthPlan.weakestPartingNoise / 10)
    return keptPower < 0.01 ? 0 : 0.01 * movement * min(movement, noise)
  }

  /// Whether the copies are further apart than float64's rounding of their steps would bring them.
  var hasBegunToPart: Bool { afterTraining > 1e-28 * movement }

  /// Trains a grown model and measures how its copies part.
  ///
  /// A unit that gets no gradient in the small model either does not part, and is left out.
  ///
  /// - Throws: the errors of the models.
  static func measure(
    _ grown: any MeasuredModel, of small: any MeasuredModel, by path: GrowthPath,
    batches: [TokenBatch], training: MeasuredTraining, progress: () throws -> Void = {}
  ) throws -> [CopyPair] {
    let tensors = path.tracedTensors.enumerated().filter { $1.hasCopies }
    guard !tensors.isEmpty else { return [] }
    var run = try MeasuredRun(grown, training)
    let before = try run.session.values()
    for batch in batches {
      try progress()
      _ = try run.step(batch)
    }
    let after = try run.session.values()
    let pairs = tensors.flatMap { $1.pairs(before[$0], after[$0]) }
    guard pairs.contains(where: { !GuaranteeTolerances.partedCopies.admits($0.afterTraining) })
    else { return pairs }
    let dead = try UnitPlace.dead(in: small, batches: batches, training: training)
    return pairs.filter { $0.origin.map { !dead($0) } ?? true }
  }
}

extension [CopyPair] {
  /// The mean distance in the space where it is smallest; nil for no pairs.
  func meanDistance(after steps: Int) -> MeasuredNumber? {
    let bound = GuaranteeTolerances.partedCopies
    let means = Dictionary(grouping: self, by: \.space).sorted { $0.key < $1.key }
      .map { space, pairs in
        number(
          CopyDistance.mean(pairs.map(\.afterTraining)), in: space,
          expected: CopyDistance.mean(pairs.map(\.expected)), bound, steps: steps)
      }
    return .smallest(means, above: bound)
  }

  /// The smallest distance of any two; nil for no pairs.
  func smallestDistance(after steps: Int) -> MeasuredNumber? {
    let bound = GuaranteeTolerances.differentCopies
    return .smallest(
      map { pair in
        let number = number(
          pair.afterTraining, in: pair.space, expected: pair.expected, bound, steps: steps)
        return number.doubt == nil && !bound.admits(number.value) && pair.hasBegunToPart
          ? number.doubted("copies have begun to part, and need more steps") : number
      }, above: bound)
  }

  /// A distance, and why it proves nothing where it is within the bound, for copies that would part by so
  /// much.
  private func number(
    _ distance: Double, in space: String, expected: Double, _ bound: VerificationBound,
    steps: Int
  ) -> MeasuredNumber {
    let doubt: String? =
      if bound.admits(distance) {
        nil
      } else if distance.isNaN {
        "training is not finite"
      } else if steps < CopyPair.settledSteps {
        "copies take up to \(CopyPair.settledSteps) steps to part, and took \(steps)"
      } else if !bound.admits(expected) {
        "steps are too small or too large, beside the weights, to part copies"
      } else {
        nil
      }
    return MeasuredNumber(distance, space, doubt: doubt)
  }
}

/// A unit of a tensor: an index of the axis that the tensor writes to.
struct UnitPlace: Hashable {
  /// The parameter's number.
  var parameter: Int
  /// The index.
  var unit: Int

  /// Whether training gives a unit's weights no gradient at all.
  static func dead(
    in model: any MeasuredModel, batches: [TokenBatch], training: MeasuredTraining
  ) throws -> (UnitPlace) -> Bool {
    let watch = try GradientWatch(model, batches: batches, training: training)
    let entries = watch.entries
    return { place in
      guard watch.notFinite == nil else { return false }
      let spec = model.program.parameters[place.parameter]
      return spec.elements(of: place.unit).allSatisfy { entries[place.parameter][$0] == .none }
    }
  }
}

extension ParameterSpec {
  /// The axis that a product makes and the axis that it sums over; nil for vectors.
  var outputAndInput: (output: Int, input: Int)? {
    guard axes.count == 2, let output = axes.firstIndex(where: { $0.direction == .output })
    else { return nil }
    return (output, 1 - output)
  }

  /// The elements of one index of a matrix's output, in the order of its inputs.
  func elements(of unit: Int) -> [Int] {
    guard let (output, input) = outputAndInput else { return [] }
    let width = axes[1].size
    return (0..<axes[input].size).map { output == 0 ? unit * width + $0 : $0 * width + unit }
  }
}

extension TracedTensor {
  /// Whether the tensor writes to copies of a unit.
  var hasCopies: Bool {
    spec.outputAndInput.map { !axes[$0.output].copies.isEmpty } ?? false
  }

  /// Every pair of copies, for values at the growth and after training.
  func pairs(_ before: [Double], _ after: [Double]) -> [CopyPair] {
    guard let (output, input) = spec.outputAndInput else { return [] }
    let spaces = spec.axes[output].units.map(\.space.name)
    return axes[output].copies.flatMap { copies -> [CopyPair] in
      let first = copies.map { answer(of: $0, before, input) }
      let last = copies.map { answer(of: $0, after, input) }
      let moved = zip(first, last).map(cosineDistance)
      let kept = zip(first, last).map { min(1, power($0) / power($1)) }
      let origin = source.flatMap { source in
        axes[output].origins[copies[0]].map { UnitPlace(parameter: source, unit: $0) }
      }
      return copies.indices.flatMap { one in
        copies.indices[(one + 1)...].map { other in
          CopyPair(
            space: spaces[copies[one]], origin: origin,
            atGrowth: cosineDistance(first[one], first[other]),
            afterTraining: cosineDistance(last[one], last[other]),
            movement: worse(moved[one], moved[other]), keptPower: max(kept[one], kept[other]))
        }
      }
    }
  }

  /// A unit's weights, summed over the copies of each input.
  private func answer(of unit: Int, _ values: [Double], _ input: Int) -> [Double] {
    let origins = axes[input].origins
    var result = [Double](repeating: 0, count: (origins.compactMap { $0 }.max() ?? -1) + 1)
    for (index, element) in spec.elements(of: unit).enumerated() {
      guard let origin = origins[index] else { continue }
      result[origin] += axes[input].forward[index] * values[element]
    }
    return result
  }
}

private func power(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 } }
