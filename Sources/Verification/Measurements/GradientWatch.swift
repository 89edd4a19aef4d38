// SPDX-License-Identifier: Apache-2.0
import Architectures
import Text
import Training

/// Which entries of a model's parameters get a gradient along some steps.
struct GradientWatch {
  /// What an entry got.
  enum Gradient: UInt8, Comparable {
    /// Nothing but zeros.
    case none
    /// No more than rounding (``MeasuredModel/gradientRounding``).
    case faint
    /// A gradient.
    case some

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  /// The best that each entry of each parameter got, row-major.
  private(set) var entries: [[Gradient]]
  /// What the batches reach.
  private(set) var seen: SeenUnits
  /// The first tensor with a gradient that is not finite; nil for none.
  private(set) var notFinite: String?
  /// Whether gradients may be zero for the arithmetic's range alone: others were so small that they lost
  /// digits, or parameters are so large that their squares, which norms take, are infinite.
  private(set) var leavesRange: Bool

  /// Takes steps, and looks at the gradients before each.
  ///
  /// - Throws: the errors of the model.
  init(
    _ model: any MeasuredModel, batches: [TokenBatch], training: MeasuredTraining
  ) throws {
    entries = model.program.parameters.map {
      [Gradient](repeating: .none, count: $0.shape.elementCount)
    }
    seen = SeenUnits(batches, in: model.program)
    var run = try MeasuredRun(model, training, keepsRates: false)
    let largest = model.range.upperBound.squareRoot()
    leavesRange = try run.session.values().contains { $0.contains { abs($0) > largest } }
    for (step, batch) in batches.enumerated() {
      try seen.addExperts(of: batch) { try run.session.values() }
      _ = try run.session.accumulateGradients(of: batch)
      add(try run.session.gradients(), of: model)
      if step + 1 < batches.count { try run.update() }
    }
  }

  private mutating func add(_ gradients: [[Double]], of model: any MeasuredModel) {
    let norm = gradients.reduce(0) { $1.reduce($0) { $0 + $1 * $1 } }.squareRoot()
    let least = model.gradientRounding * norm
    for (index, gradient) in gradients.enumerated() {
      for (element, value) in gradient.enumerated() where value != 0 {
        let size = abs(value)
        if size < model.range.lowerBound { leavesRange = true }
        // What is no number is no gradient.
        if size > least {
          entries[index][element] = .some
        } else if size <= least {
          entries[index][element] = max(entries[index][element], .faint)
        }
      }
      if notFinite == nil, !gradient.allSatisfy(\.isFinite) {
        notFinite = model.program.parameters[index].name
      }
    }
  }

  /// Whether an entry got no more than what may be rounding.
  var hasFaint: Bool { entries.contains { $0.contains(.faint) } }

  /// Takes gradients for true that are beyond rounding along other steps of the same model.
  mutating func confirm(by other: GradientWatch) {
    for (index, others) in other.entries.enumerated() {
      for element in others.indices
      where entries[index][element] == .faint && others[element] == .some {
        entries[index][element] = .some
      }
    }
  }

  /// Which entries of each parameter got at least so much, or could get nothing on these batches.
  func mask(_ least: Gradient, of program: Program) -> [[Bool]] {
    zip(program.parameters, entries).map { spec, entries in
      seen.addingUnseen(of: spec, to: entries.map { $0 >= least })
    }
  }
}
