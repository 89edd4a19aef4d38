// SPDX-License-Identifier: Apache-2.0
import Architectures
import Text
import Training

/// Entries of a tensor that two steps gave no gradient: ``Guarantee/liveness``.
public struct DeadParameter: Sendable, Hashable, Codable {
  /// The tensor.
  public var name: String
  /// The axis along which ``units`` are counted; nil where the whole tensor is dead.
  public var axis: Int?
  /// The dead indices of the axis; empty where the whole tensor is dead.
  public var units: [Int]

  /// Finds what has no gradient before a step nor after it: none that is more than rounding
  /// (``MeasuredModel/gradientRounding``).
  ///
  /// Tokens that the batches do not hold and positions that they do not reach have none, and neither
  /// have the keys' biases, which the softmax does not see; they do not count.
  ///
  /// - Parameter batches: one for each of the steps, with sequences of two tokens at least.
  /// - Throws: the errors of the model; ``VerificationError`` for less than two batches.
  public static func find(
    in model: any MeasuredModel, batches: [TokenBatch], training: MeasuredTraining
  ) throws -> [DeadParameter] {
    try VerificationError.check(
      batches.count > 1 && batches.allSatisfy { $0.sequenceLength > 1 && $0.targetCount > 0 },
      .invalidBatch, "batches",
      "expected two or more, of sequences of two tokens or more; one token attends to itself only")
    var run = try MeasuredRun(model, training)
    var live = model.program.parameters.map { spec in
      [Bool](repeating: false, count: spec.shape.elementCount)
    }
    for (step, batch) in batches.enumerated() {
      _ = try run.session.accumulateGradients(of: batch)
      let gradients = try run.session.gradients()
      let least = model.gradientRounding * norm(gradients)
      for (index, gradient) in gradients.enumerated() {
        // What is no number is no sign of death.
        for element in gradient.indices where !(abs(gradient[element]) <= least) {
          live[index][element] = true
        }
      }
      if step + 1 < batches.count { try run.update() }
    }
    let seen = SeenUnits(batches)
    return zip(model.program.parameters, live).flatMap { find($0, live: $1, seen) }
  }

  private static func norm(_ gradients: [[Double]]) -> Double {
    gradients.reduce(0) { $1.reduce($0) { $0 + $1 * $1 } }.squareRoot()
  }

  /// The dead parts of one tensor.
  private static func find(
    _ spec: ParameterSpec, live: [Bool], _ seen: SeenUnits
  ) -> [DeadParameter] {
    let counted = spec.axes.map { axis in
      axis.units.map { seen.contains($0.space, $0.unit, of: spec) }
    }
    guard counted.allSatisfy({ $0.contains(true) }) else { return [] }
    guard live.contains(true) else { return [DeadParameter(name: spec.name, units: [])] }
    var stride = live.count
    return spec.axes.indices.compactMap { axis in
      let size = spec.axes[axis].size
      stride /= size
      var lives = [Bool](repeating: false, count: size)
      for element in live.indices where live[element] { lives[element / stride % size] = true }
      let dead = (0..<size).filter { counted[axis][$0] && !lives[$0] }
      return dead.isEmpty ? nil : DeadParameter(name: spec.name, axis: axis, units: dead)
    }
  }

  /// For people: `h.1.attn.c_attn.weight, units 4, 5 of axis 0`.
  public var description: String {
    guard let axis else { return name }
    let listed = units.prefix(4).map(String.init).joined(separator: ", ")
    return "\(name), \(units.count > 4 ? "\(units.count) units (\(listed), …)" : "units \(listed)")"
      + " of axis \(axis)"
  }
}

/// What a batch can give a gradient to.
private struct SeenUnits {
  private let tokens: Set<Int>
  private let positions: Int

  init(_ batches: [TokenBatch]) {
    tokens = Set(batches.flatMap { $0.inputs + $0.targets }.map { Int($0) })
    positions = batches.map(\.sequenceLength).max() ?? 0
  }

  func contains(_ space: ParameterSpec.Space, _ unit: Int, of spec: ParameterSpec) -> Bool {
    switch (space, spec.role) {
    case (.vocabulary, _): tokens.contains(unit)
    case (.position, _): unit < positions
    case (.key, .bias): false
    default: true
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
