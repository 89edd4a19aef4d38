// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
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

  /// Finds what has no gradient before a step nor after it: none that is finite and more than rounding
  /// (``MeasuredModel/gradientRounding``).
  ///
  /// Tokens that the batches do not hold, positions that they do not reach and experts that no token takes
  /// have none, and neither have the keys' biases, which the softmax does not see; they do not count.
  ///
  /// - Parameter batches: one for each of the steps, with sequences of two tokens at least.
  /// - Throws: the errors of the model; ``VerificationError`` for less than two batches.
  public static func find(
    in model: any MeasuredModel, batches: [TokenBatch], training: MeasuredTraining
  ) throws -> [DeadParameter] {
    try check(batches)
    return try search(model, batches: batches, training: training).dead
  }

  /// What is dead in a grown model that a small model's own zeros do not keep waiting.
  ///
  /// A growth keeps parameters waiting for one step. A small model that comes from a growth itself, and has
  /// not trained since, has parameters that wait already: then there is one step more. What comes from
  /// parameters that have no gradient in the small model after as many steps (a pruned unit, a softmax
  /// that is 1 in float64) was not killed by the growth, and does not count.
  static func search(
    _ grown: any MeasuredModel, of small: any MeasuredModel, by path: GrowthPath?,
    batches: [TokenBatch], smallBatch: TokenBatch, training: MeasuredTraining
  ) throws -> Search {
    try check(batches)
    let first = try search(grown, batches: batches, training: training)
    guard !first.dead.isEmpty, first.notFinite == nil,
      try !search(small, batches: [smallBatch], training: training).dead.isEmpty
    else { return first }
    let longer = try search(grown, batches: batches + batches.prefix(1), training: training)
    guard !longer.dead.isEmpty, longer.notFinite == nil, let path else { return longer }
    let before = try search(
      small, batches: Array(repeating: smallBatch, count: batches.count + 1), training: training)
    let live = zip(longer.live, path.copiedEntries(of: before.live.map { $0.map { !$0 } }))
      .map { zip($0, $1).map { $0 || $1 } }
    return search(longer, of: grown.program, live: live)
  }

  /// A search's result once some entries count as live.
  private static func search(
    _ search: Search, of program: Program, live: [[Bool]]
  ) -> Search {
    var result = search
    result.live = live
    result.dead = zip(program.parameters, live).flatMap { find($0, live: $1, search.seen) }
    return result
  }

  private static func check(_ batches: [TokenBatch]) throws {
    try VerificationError.check(
      batches.count > 1 && batches.allSatisfy { $0.sequenceLength > 1 && $0.targetCount > 0 },
      .invalidBatch, "batches",
      "expected two or more, of sequences of two tokens or more; one token attends to itself only")
  }

  /// What was found, and the first tensor with a gradient that is not finite; nil for none.
  struct Search {
    var dead: [DeadParameter]
    var notFinite: String?
    /// Which entries of each parameter had a gradient, or could have none on these batches.
    var live: [[Bool]]
    fileprivate var seen: SeenUnits

    /// The number of dead parameters; none where a gradient is no number, which proves nothing.
    var measurement: MeasuredNumber {
      notFinite.map { MeasuredNumber(.nan, "the gradient of \($0), which is not finite") }
        ?? MeasuredNumber(Double(dead.count), dead.first?.description)
    }
  }

  private static func search(
    _ model: any MeasuredModel, batches: [TokenBatch], training: MeasuredTraining
  ) throws -> Search {
    var run = try MeasuredRun(model, training)
    var seen = SeenUnits(batches, in: model.program)
    var notFinite: String?
    var live = model.program.parameters.map { spec in
      [Bool](repeating: false, count: spec.shape.elementCount)
    }
    for (step, batch) in batches.enumerated() {
      try seen.addExperts(of: batch) { try run.session.values() }
      _ = try run.session.accumulateGradients(of: batch)
      let gradients = try run.session.gradients()
      let least = model.gradientRounding * norm(gradients)
      for (index, gradient) in gradients.enumerated() {
        for element in gradient.indices where abs(gradient[element]) > least {
          live[index][element] = true
        }
        if notFinite == nil, !gradient.allSatisfy(\.isFinite) {
          notFinite = model.program.parameters[index].name
        }
      }
      if step + 1 < batches.count { try run.update() }
    }
    let dead = zip(model.program.parameters, live).flatMap { find($0, live: $1, seen) }
    return Search(
      dead: dead, notFinite: notFinite,
      live: zip(model.program.parameters, live).map { seen.addingUnseen(of: $0, to: $1) },
      seen: seen)
  }

  private static func norm(_ gradients: [[Double]]) -> Double {
    gradients.reduce(0) { $1.reduce($0) { $0 + $1 * $1 } }.squareRoot()
  }

  /// The dead parts of one tensor.
  private static func find(
    _ spec: ParameterSpec, live: [Bool], _ seen: SeenUnits
  ) -> [DeadParameter] {
    guard seen.contains(spec) else { return [] }
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
