// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Text
import Training

/// A reference model in training: AdamW as ``AdamWUpdate`` writes it, and Muon, in float64.
final class Float64Session: TrainingSession {
  private var model: ReferenceModel
  private let states: [ParameterState]
  private var firstMoments: [[Double]]
  private var secondMoments: [[Double]]
  private var momenta: [Int: [Double]] = [:]
  private var sums: [[Double]]

  init(program: Program, states: [ParameterState]) throws {
    model = try ReferenceModel(program: program, tensors: states.map(\.value))
    self.states = states
    let zeros = model.parameters.map { [Double](repeating: 0, count: $0.count) }
    firstMoments = try zip(states, zeros).map { try Self.moment($0.firstMoment, or: $1) }
    secondMoments = try zip(states, zeros).map { try Self.moment($0.secondMoment, or: $1) }
    sums = zeros
    for (index, state) in states.enumerated() {
      guard let momentum = state.slots[.momentum] else { continue }
      momenta[index] = try Self.moment(momentum, or: zeros[index])
    }
  }

  private static func moment(_ tensor: HostTensor?, or zeros: [Double]) throws -> [Double] {
    guard let tensor else { return zeros }
    let values = try tensor.converted(to: .float32).floats.map(Double.init)
    guard values.count == zeros.count else {
      throw ReferenceEngineError(
        .parameterMismatch, "\(values.count) elements; expected \(zeros.count)", subject: "moment")
    }
    return values
  }

  func accumulateGradients(
    of batch: TokenBatch, normalizer: Int, dropoutKey: DropoutKey
  ) throws -> LossSum {
    let result = try model.lossAndGradients(
      batch, normalizer: Double(normalizer), dropoutKey: dropoutKey)
    for (index, gradient) in result.gradients.enumerated() {
      for element in gradient.indices { sums[index][element] += gradient[element] }
    }
    return result.loss
  }

  func gradientSquaredNorm() throws -> Double {
    sums.reduce(0) { $1.reduce($0) { $0 + $1 * $1 } }
  }

  func update(_ updates: [ParameterUpdate], clip: Double?) throws -> Double {
    guard updates.count == sums.count else {
      throw ReferenceEngineError(
        .parameterMismatch, "\(updates.count) updates; expected \(sums.count)", subject: "updates")
    }
    let norm = try gradientSquaredNorm().squareRoot()
    if norm.isFinite {
      // PyTorch's `clip_grad_norm_` adds 1e-6 to the norm.
      let factor = clip.map { min(1, $0 / (norm + 1e-6)) } ?? 1
      for (index, update) in updates.enumerated() { apply(update, to: index, factor: factor) }
    }
    discardGradients()
    return norm
  }

  func discardGradients() { sums = sums.map { [Double](repeating: 0, count: $0.count) } }

  private func apply(_ update: ParameterUpdate, to index: Int, factor: Double) {
    switch update {
    case .adamW(let update): apply(update, to: index, factor: factor)
    case .muon(let update):
      var momentum = momenta[index] ?? sums[index].map { _ in 0 }
      MuonOperation.apply(
        update, gradient: sums[index].map { factor * $0 }, value: &model.parameters[index],
        momentum: &momentum)
      momenta[index] = momentum
    }
  }

  private func apply(_ update: AdamWUpdate, to index: Int, factor: Double) {
    for element in sums[index].indices {
      let g = factor * sums[index][element]
      let m = update.beta1 * firstMoments[index][element] + (1 - update.beta1) * g
      let v = update.beta2 * secondMoments[index][element] + (1 - update.beta2) * g * g
      firstMoments[index][element] = m
      secondMoments[index][element] = v
      let decayed = model.parameters[index][element] * (1 - update.decayFactor)
      let root = v.squareRoot() * update.inverseRootCorrection + update.epsilon
      model.parameters[index][element] = decayed - update.step(m, root)
    }
  }

  func loss(of batch: TokenBatch) throws -> LossSum { try model.loss(batch) }

  func gradients() throws -> [HostTensor] { tensors(sums) }

  func parameters() throws -> [ParameterState] {
    let values = tensors(model.parameters)
    let first = tensors(firstMoments)
    let second = tensors(secondMoments)
    return states.indices.map { index in
      var state = states[index]
      state.value = values[index]
      guard let momentum = momenta[index] else {
        state.firstMoment = first[index]
        state.secondMoment = second[index]
        return state
      }
      state.slots = [
        .momentum: HostTensor(
          momentum.map { Float($0) }, shape: model.program.parameters[index].shape)
      ]
      return state
    }
  }

  private func tensors(_ values: [[Double]]) -> [HostTensor] {
    zip(model.program.parameters, values).map { HostTensor($1.map { Float($0) }, shape: $0.shape) }
  }
}
