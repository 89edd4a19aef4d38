// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Text
import Training

/// Whether gradients and moments are what the plans' γ declares: ``Guarantee/moments``.
public enum GradientMap {
  /// The largest relative error of any tensor's gradient against γ times the small model's, over the
  /// entries with a source in a layer that keeps its moments.
  ///
  /// - Returns: nil where no entry has a source.
  /// - Throws: the errors of the models and of Growth.
  public static func gradientDifference(
    _ small: any MeasuredModel, _ grown: any MeasuredModel, path: GrowthPath, batch: TokenBatch
  ) throws -> MeasuredNumber? {
    try gradientDifference(
      of: gradients(grown, batch), in: grown.program, against: gradients(small, batch), path: path)
  }

  /// The same of gradients; it proves nothing where the small model's are not finite.
  static func gradientDifference(
    of gradients: [[Double]], in program: Program, against small: [[Double]], path: GrowthPath
  ) throws -> MeasuredNumber? {
    let expected = try path.mapped(gradients: small)
    let measured = zip(gradients, path.mappedEntries()).map { zip($0, $1).map { $1 ? $0 : 0 } }
    let isTelling = small.allSatisfy { $0.allSatisfy(\.isFinite) }
    return largestDifference(measured, expected, names: program.parameters.map(\.name))?
      .doubted(isTelling ? nil : "the small model's own gradients are not finite")
  }

  /// The gradients of a batch's mean loss.
  static func gradients(_ model: any MeasuredModel, _ batch: TokenBatch) throws -> [[Double]] {
    let session = try model.makeSession()
    _ = try session.accumulateGradients(of: batch)
    return try session.gradients()
  }

  /// The largest relative error of what the optimizer keeps of any tensor, against γ to the slot's power
  /// times the small model's; entries without a source must hold zeros.
  ///
  /// - Returns: nil where the small model has no moments.
  /// - Throws: the errors of Growth and Tensors.
  public static func momentDifference(
    _ small: ModelState, _ grown: ModelState, path: GrowthPath
  ) throws -> MeasuredNumber? {
    guard small.hasMoments else { return nil }
    let given = try ExactModel(grown)
    let expected = try path.mapped(slots: try ExactModel(small).slots)
    let parameters = given.program.parameters
    func values(_ slots: [[StateSlot: [Double]]], _ slot: StateSlot) -> [[Double]] {
      zip(slots, parameters).map {
        $0[slot] ?? [Double](repeating: 0, count: $1.shape.elementCount)
      }
    }
    let kept = StateSlot.all.filter { slot in
      (given.slots + expected).contains { $0[slot] != nil }
    }
    return .largest(
      kept.compactMap { slot in
        // Moments are multiplied, never summed, so that even the smallest tensor must agree.
        largestDifference(
          values(given.slots, slot), values(expected, slot),
          names: parameters.map { StatePart.slot(slot).prefix + $0.name }, floor: 1e-12)
      })
  }
}
