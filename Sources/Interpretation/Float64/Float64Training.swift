// SPDX-License-Identifier: Apache-2.0
import Text
import Training

/// A reference model in training, all numbers in float64: sums of gradients, and AdamW and
/// Muon as ``AdamWUpdate`` and ``MuonUpdate`` write them.
package struct Float64Training: Sendable {
  package private(set) var model: ReferenceModel
  /// What the optimizer keeps of each parameter; a missing slot stands for zeros.
  package private(set) var slots: [[StateSlot: [Double]]]
  /// Gradients added up since the last update.
  package private(set) var gradients: [[Double]]

  /// - Throws: ``InterpretationError`` for slots that are not the parameters'.
  package init(_ model: ReferenceModel, slots: [[StateSlot: [Double]]]) throws {
    guard slots.count == model.parameters.count else {
      throw InterpretationError(
        .parameterMismatch,
        "of \(slots.count) parameters; the model has \(model.parameters.count)", subject: "moments")
    }
    for (slots, values) in zip(slots, model.parameters) {
      guard let found = slots.values.first(where: { $0.count != values.count }) else { continue }
      throw InterpretationError(
        .parameterMismatch, "\(found.count) elements; expected \(values.count)",
        subject: "moment")
    }
    self.model = model
    self.slots = slots
    gradients = model.parameters.map { [Double](repeating: 0, count: $0.count) }
  }

  /// Σ g² of all gradients.
  package var squaredNorm: Double { gradients.reduce(0) { $1.reduce($0) { $0 + $1 * $1 } } }

  /// Adds to the gradients.
  package mutating func add(_ other: [[Double]]) {
    for (index, gradient) in other.enumerated() {
      gradients[index].withUnsafeMutableBufferPointer { sum in
        for element in gradient.indices { sum[element] += gradient[element] }
      }
    }
  }

  /// Zeroes the gradients.
  package mutating func discardGradients() {
    gradients = gradients.map { [Double](repeating: 0, count: $0.count) }
  }

  /// Updates every parameter by its gradient times a factor, and zeroes the gradients.
  ///
  /// - Throws: ``InterpretationError`` where updates are not one for each parameter.
  package mutating func update(_ updates: [ParameterUpdate], factor: Double = 1) throws {
    guard updates.count == gradients.count else {
      throw InterpretationError(
        .parameterMismatch, "\(updates.count) updates; expected \(gradients.count)",
        subject: "updates")
    }
    for (index, update) in updates.enumerated() { apply(update, to: index, factor) }
    discardGradients()
  }

  private mutating func apply(_ update: ParameterUpdate, to index: Int, _ factor: Double) {
    let gradient = gradients[index].map { factor * $0 }
    // What is kept under other slots is another optimizer's.
    switch update {
    case .adamW(let update):
      var (mean, meanSquare) = (taken(.firstMoment, of: index), taken(.secondMoment, of: index))
      update.apply(
        gradient: gradient, value: &model.parameters[index], mean: &mean, meanSquare: &meanSquare)
      slots[index] = [.firstMoment: mean, .secondMoment: meanSquare]
    case .muon(let update):
      var momentum = taken(.momentum, of: index)
      update.apply(gradient: gradient, value: &model.parameters[index], momentum: &momentum)
      slots[index] = [.momentum: momentum]
    }
  }

  /// A slot to be changed in place, which is no longer in ``slots``.
  private mutating func taken(_ slot: StateSlot, of index: Int) -> [Double] {
    slots[index].removeValue(forKey: slot)
      ?? [Double](repeating: 0, count: model.parameters[index].count)
  }
}

extension AdamWUpdate {
  /// Updates a parameter and its moments in float64 and plain loops, as the type's description says.
  fileprivate func apply(
    gradient: [Double], value: inout [Double], mean: inout [Double], meanSquare: inout [Double]
  ) {
    forEachRun(in: gradient.indices) { run, update in
      for element in run {
        let g = gradient[element]
        let m = beta1 * mean[element] + (1 - beta1) * g
        let v = beta2 * meanSquare[element] + (1 - beta2) * g * g
        mean[element] = m
        meanSquare[element] = v
        let root = v.squareRoot() * update.inverseRootCorrection + epsilon
        value[element] = value[element] * (1 - decayFactor) - update.step(m, root)
      }
    }
  }
}
