// SPDX-License-Identifier: Apache-2.0
import Text
import Training

/// A reference model in training, all numbers in float64: sums of gradients, and AdamW and
/// Muon as ``AdamWUpdate`` and ``MuonUpdate`` write them.
package struct Float64Training: Sendable {
  package private(set) var model: ReferenceModel
  package private(set) var firstMoments: [[Double]]
  package private(set) var secondMoments: [[Double]]
  /// Muon's momenta of the parameters that have one.
  package private(set) var momenta: [Int: [Double]]
  /// Gradients added up since the last update.
  package private(set) var gradients: [[Double]]

  /// - Throws: ``InterpretationError`` for moments that are not the parameters'.
  package init(
    _ model: ReferenceModel, firstMoments: [[Double]], secondMoments: [[Double]],
    momenta: [Int: [Double]] = [:]
  ) throws {
    let allMomenta = model.parameters.indices.map { momenta[$0] ?? model.parameters[$0] }
    for moments in [firstMoments, secondMoments, allMomenta] {
      let found = moments.map(\.count)
      guard found != model.parameters.map(\.count) else { continue }
      let sizes = zip(found, model.parameters).first { $0 != $1.count }
      throw InterpretationError(
        .parameterMismatch, "\(sizes?.0 ?? 0) elements; expected \(sizes?.1.count ?? 0)",
        subject: "moment")
    }
    self.model = model
    (self.firstMoments, self.secondMoments) = (firstMoments, secondMoments)
    self.momenta = momenta
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
    switch update {
    case .adamW(let update): apply(update, to: index, factor)
    case .muon(let update):
      var momentum = momenta[index] ?? gradients[index].map { _ in 0 }
      update.apply(
        gradient: gradients[index].map { factor * $0 }, value: &model.parameters[index],
        momentum: &momentum)
      momenta[index] = momentum
    }
  }

  private mutating func apply(_ update: AdamWUpdate, to index: Int, _ factor: Double) {
    for element in gradients[index].indices {
      let g = factor * gradients[index][element]
      let m = update.beta1 * firstMoments[index][element] + (1 - update.beta1) * g
      let v = update.beta2 * secondMoments[index][element] + (1 - update.beta2) * g * g
      firstMoments[index][element] = m
      secondMoments[index][element] = v
      let root = v.squareRoot() * update.inverseRootCorrection + update.epsilon
      let decayed = model.parameters[index][element] * (1 - update.decayFactor)
      model.parameters[index][element] = decayed - update.step(m, root)
    }
  }
}
