// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Testing
import Training

@Suite("Optimizers") struct OptimizerConfigurationTests {
  @Test("AdamW is written as it always was; a state without a kind is AdamW's")
  func adamW() throws {
    let adamW = AdamWConfiguration(beta2: 0.99, clip: nil)
    let data = try JSONEncoder().encode(OptimizerConfiguration.adamW(adamW))
    #expect(try JSONDecoder().decode(AdamWConfiguration.self, from: data) == adamW)
    #expect(!String(decoding: data, as: UTF8.self).contains("kind"))
    let read = try JSONDecoder().decode(OptimizerConfiguration.self, from: data)
    #expect(read == .adamW(adamW))
  }

  @Test("Muon comes back from a file whole")
  func muon() throws {
    let muon = OptimizerConfiguration.muon(
      MuonConfiguration(
        adamW: AdamWConfiguration(beta1: 0.8, weightDecay: 0.2), momentum: 0.9, nesterov: false,
        iterations: 7))
    let data = try JSONEncoder().encode(muon)
    #expect(String(decoding: data, as: UTF8.self).contains(#""kind":"muon""#))
    #expect(try JSONDecoder().decode(OptimizerConfiguration.self, from: data) == muon)
    #expect(muon.beta1 == 0.8 && muon.weightDecay == 0.2)
  }

  @Test("Muon takes the blocks' matrices, AdamW everything else")
  func roles() throws {
    let model = ModelConfiguration(
      architecture: .llama, layerCount: 1, hiddenSize: 8, headCount: 2, intermediateSize: 24,
      vocabularySize: 11, contextLength: 8, tiesHead: false)
    let parameters = try model.program().parameters
    let muon = OptimizerConfiguration.muon(MuonConfiguration())
    let clocks = parameters.map {
      ParameterClock(
        name: $0.name, stepCount: 0, learningRateMultiplier: 0.5, epsilonMultiplier: 1)
    }
    let updates = muon.updates(learningRate: 0.01, parameters: parameters, clocks: clocks)
    for (spec, update) in zip(parameters, updates) {
      let isMatrix = spec.layer != nil && spec.shape.rank == 2
      #expect((muon.slots(of: spec) == [.momentum]) == isMatrix, "\(spec.name)")
      switch update {
      case .adamW: #expect(!isMatrix, "\(spec.name)")
      case .muon(let update):
        #expect(isMatrix && update.rows == spec.shape[0] && update.columns == spec.shape[1])
        // The multiplier is the step's, not the decay's.
        let size = Double(max(update.rows, update.columns)).squareRoot()
        #expect(abs(update.stepSize - 0.01 * 0.5 * 0.2 * size) < 1e-15)
        #expect(update.decayFactor == 0.01 * 0.1)
      }
    }
  }

  @Test(
    "settings that make no sense are named",
    arguments: [
      ("optimizer.momentum", MuonConfiguration(momentum: 1)),
      ("optimizer.momentum", MuonConfiguration(momentum: .nan)),
      ("optimizer.iterations", MuonConfiguration(iterations: 0)),
      ("optimizer.iterations", MuonConfiguration(iterations: 21)),
      ("optimizer.beta1", MuonConfiguration(adamW: AdamWConfiguration(beta1: 1))),
    ])
  func invalid(_ key: String, _ muon: MuonConfiguration) {
    let error = #expect(throws: TrainingError.self) {
      try OptimizerConfiguration.muon(muon).validate()
    }
    #expect(error?.subject == key)
  }
}
