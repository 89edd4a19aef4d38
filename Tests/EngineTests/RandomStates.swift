// SPDX-License-Identifier: Apache-2.0
import Architectures
import SeededRandom
import Tensors
import Training

/// Parameters away from any default.
func randomStates(_ program: Program, seed: UInt64) -> [ParameterState] {
  var random = testData(seed)
  return program.parameters.map { spec in
    let center: Float = spec.initializer == .ones ? 1 : 0
    let values = (0..<spec.shape.elementCount).map { _ in
      center + Float.random(in: -0.4...0.4, using: &random)
    }
    return ParameterState(value: HostTensor(values, shape: spec.shape))
  }
}

/// One step's updates with plain settings.
func adamW(_ program: Program, step: Int) -> [AdamWUpdate] {
  program.parameters.map {
    AdamWUpdate(
      learningRate: 1e-2, beta1: 0.9, beta2: 0.95, epsilon: 1e-8,
      weightDecay: $0.decays ? 0.1 : 0, stepCount: step)
  }
}
