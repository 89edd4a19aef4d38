// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Tensors
import Text
import Training

/// The package's root.
package let packageRoot = URL(filePath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()

/// A small model with what PyTorch computes for it; see `Goldens/README.md`.
package struct GoldenModel: Sendable, CustomStringConvertible {
  package static let all = ["gpt2", "llama", "llama-untied"].map(GoldenModel.init)

  package let name: String
  package var description: String { name }

  package var url: URL { Bundle.module.bundleURL.appending(path: "Goldens/\(name)") }

  /// Its `config.json` and weights.
  package func directory() throws -> ModelDirectory { try ModelDirectory(reading: url) }

  package func configuration() throws -> ModelConfiguration {
    try directory().configuration.model
  }

  package func program() throws -> Program { try directory().program }

  /// The parameters in the program's order.
  package func parameters() throws -> [HostTensor] { try directory().values() }

  /// What PyTorch computes: losses and norms.
  package func reference() throws -> Reference {
    try JSONDecoder().decode(
      Reference.self, from: Data(contentsOf: url.appending(path: "reference.json")))
  }

  /// What PyTorch's Muon makes of the blocks' matrices, and its AdamW of the rest.
  package func muon() throws -> Muon {
    try JSONDecoder().decode(
      Muon.self, from: Data(contentsOf: url.appending(path: "muon.json")))
  }

  /// What PyTorch computes: logits and gradients; also the batches' tokens.
  package func tensors() throws -> SafetensorsFile {
    try SafetensorsFile(url.appending(path: "reference.safetensors"))
  }

  /// Batch 0 is for logits and gradients, 1 … 10 for the optimizer steps.
  package func batch(_ index: Int) throws -> TokenBatch {
    let file = try tensors()
    let inputs = try file.tensor(named: "inputs")
    let (sequences, length) = (inputs.shape[1], inputs.shape[2])
    func ids(_ view: TensorView) -> [Int32] {
      let count = sequences * length
      return view.withUnsafeBytes { bytes in
        (index * count..<(index + 1) * count).map {
          bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self)
        }
      }
    }
    return TokenBatch(
      sequenceCount: sequences, sequenceLength: length, inputs: ids(inputs),
      targets: ids(try file.tensor(named: "targets")))
  }
}

extension GoldenModel {
  /// What PyTorch computes, beside the tensors.
  package struct Reference: Decodable, Sendable {
    package var loss: Double
    package var loss64: Double
    package var adamW: AdamW
  }

  /// Ten steps, in two types of number.
  package struct AdamW: Decodable, Sendable {
    package var learningRates: [Double]
    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double
    package var weightDecay: Double
    package var clip: Double
    package var float32: Steps
    package var float64: Steps
  }

  /// Ten steps of `torch.optim.Muon`, at AdamW's rates, with its iteration in three types of number.
  package struct Muon: Decodable, Sendable {
    package struct Steps: Decodable, Sendable {
      package var losses: [Double]
      package var finalParameterNorms: [String: Double]
      package var finalMomentumNorms: [String: Double]
    }
    package var momentum: Double
    package var iterations: Int
    package var float32: Steps
    package var float64: Steps
    package var bfloat16: Steps
  }

  /// What the goldens' optimizer does in a step, counted from 1.
  package func muonUpdates(
    step: Int, _ specs: [ParameterSpec]
  ) throws -> (updates: [ParameterUpdate], clip: Double) {
    let (adamW, muon) = (try reference().adamW, try muon())
    let optimizer = MuonConfiguration(
      adamW: AdamWConfiguration(
        beta1: adamW.beta1, beta2: adamW.beta2, epsilon: adamW.epsilon,
        weightDecay: adamW.weightDecay, clip: adamW.clip),
      momentum: muon.momentum, iterations: muon.iterations)
    let clocks = specs.map {
      ParameterClock(
        name: $0.name, stepCount: step - 1, learningRateMultiplier: 1, epsilonMultiplier: 1)
    }
    let updates = OptimizerConfiguration.muon(optimizer).updates(
      learningRate: adamW.learningRates[step - 1], parameters: specs, clocks: clocks)
    return (updates, adamW.clip)
  }

  /// What comes of the steps.
  package struct Steps: Decodable, Sendable {
    package var losses: [Double]
    package var gradientNorms: [Double]
    package var finalParameterNorms: [String: Double]
  }
}
