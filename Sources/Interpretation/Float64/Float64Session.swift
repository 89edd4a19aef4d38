// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Text
import Training

/// A reference model in training, as engines have it.
final class Float64Session: TrainingSession {
  private var training: Float64Training
  private let states: [ParameterState]

  init(program: Program, states: [ParameterState]) throws {
    let model = try ReferenceModel(program: program, tensors: states.map(\.value))
    training = try Float64Training(
      model,
      slots: zip(states, model.parameters).map { state, values in
        try Dictionary(
          uniqueKeysWithValues: state.keptSlots.map { slot in
            let tensor = try state.slots[slot]?.converted(to: .float32)
            return (
              slot, tensor?.floats.map(Double.init) ?? [Double](repeating: 0, count: values.count)
            )
          })
      })
    self.states = states
  }

  func accumulateGradients(
    of batch: TokenBatch, normalizer: Int, dropoutKey: DropoutKey
  ) throws -> LossSum {
    let result = try training.model.lossAndGradients(
      batch, normalizer: Double(normalizer), dropoutKey: dropoutKey)
    training.add(result.gradients)
    return result.loss
  }

  func gradientSquaredNorm() throws -> Double { training.squaredNorm }

  func update(_ updates: [ParameterUpdate], clip: Double?) throws -> Double {
    let norm = training.squaredNorm.squareRoot()
    guard norm.isFinite else {
      discardGradients()
      return norm
    }
    // PyTorch's `clip_grad_norm_` adds 1e-6 to the norm.
    try training.update(updates, factor: clip.map { min(1, $0 / (norm + 1e-6)) } ?? 1)
    return norm
  }

  func discardGradients() { training.discardGradients() }

  func loss(of batch: TokenBatch) throws -> LossSum { try training.model.loss(batch) }

  func gradients() throws -> [HostTensor] { tensors(training.gradients) }

  func parameters() throws -> [ParameterState] {
    let values = tensors(training.model.parameters)
    return states.indices.map { index in
      var state = states[index]
      state.value = values[index]
      state.slots = training.slots[index].mapValues {
        HostTensor($0.map { Float($0) }, shape: values[index].shape)
      }
      return state
    }
  }

  private func tensors(_ values: [[Double]]) -> [HostTensor] {
    zip(training.model.program.parameters, values).map {
      HostTensor($1.map { Float($0) }, shape: $0.shape)
    }
  }
}
