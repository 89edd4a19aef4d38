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

  private static let model = ModelConfiguration(
    architecture: .llama, layerCount: 1, hiddenSize: 8, headCount: 2, intermediateSize: 24,
    vocabularySize: 11, contextLength: 8, tiesHead: false)

  @Test("Muon takes the blocks' matrices, AdamW everything else")
  func roles() throws {
    let parameters = try Self.model.program().parameters
    let muon = OptimizerConfiguration.muon(MuonConfiguration())
    let clocks = parameters.map {
      ParameterClock(
        name: $0.name, stepCount: 0, learningRateMultiplier: 0.5, epsilonMultiplier: 1)
    }
    let updates = muon.updates(learningRate: 0.01, parameters: parameters, clocks: clocks)
    for (spec, update) in zip(parameters, updates) {
      let isMatrix = spec.layer != nil && spec.shape.rank == 2
      #expect((muon.slots(of: spec) == [.momentum]) == isMatrix, "\(spec.name)")
      guard case .muon(let update) = update else {
        #expect(!isMatrix, "\(spec.name)")
        continue
      }
      #expect(isMatrix && update.rows == spec.shape[0] && update.columns == spec.shape[1])
      // The multiplier is the step's, not the decay's.
      let size = Double(max(update.rows, update.columns)).squareRoot()
      #expect(abs(update.stepSize - 0.01 * 0.5 * 0.2 * size) < 1e-15)
      #expect(update.decayFactor == 0.01 * 0.1)
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
  @Test(
    "every optimizer's declaration is whole", arguments: OptimizerConfiguration.known.map { $0.key }
  )
  func declarations(_ key: String) throws {
    let rule = try #require(OptimizerConfiguration.known.first { $0.key == key })
    let usual = OptimizerConfiguration(rule.usual)
    try usual.validate()
    #expect(usual.key == key && usual.summary.hasPrefix(rule.name))
    // One more of everything comes back from a file.
    var other = usual
    for (key, form, value) in usual.settings {
      switch value {
      case .number(let number): other.set(key, .number(number / 2))
      case .integer(let integer): other.set(key, .integer(integer + 1))
      case .flag(let flag): other.set(key, .flag(!flag))
      case .word(let word):
        guard case .word(let words) = form else { break }
        other.set(key, .word(try #require(words.first { $0 != word })))
      case .none: other.set(key, .number(1))
      }
    }
    for (setting, old) in zip(other.settings, usual.settings) {
      #expect(setting.value != old.value, "\(setting.key)")
    }
    try other.validate()
    let data = try JSONEncoder().encode(other)
    #expect(try JSONDecoder().decode(OptimizerConfiguration.self, from: data) == other)
    for parameter in try Self.model.program().parameters {
      let slots = usual.slots(of: parameter)
      #expect(slots.allSatisfy { rule.slots.contains($0) && StateSlot.all.contains($0) })
      let clock = ParameterClock(
        name: parameter.name, stepCount: 3, learningRateMultiplier: 1, epsilonMultiplier: 1)
      let update = usual.rule.update(of: parameter, clock: clock, learningRate: 0.1)
      #expect(update.slots == slots, "\(parameter.name)")
      #expect(usual.rule.memories(of: parameter).count == slots.count, "\(parameter.name)")
    }
  }

  @Test("what a file says of a setting that is none of its words, or of no optimizer, is named")
  func unknownWords() {
    func error(_ text: String) -> String {
      do {
        _ = try JSONDecoder().decode(OptimizerConfiguration.self, from: Data(text.utf8))
        return ""
      } catch { return "\(error)" }
    }
    let usual = #""beta1":0,"beta2":0,"epsilon":0,"weightDecay":0"#
    #expect(
      error("{\(usual),\"decayRule\":\"most\"}").contains("expected one of matrices, all, none"))
    #expect(error("{\(usual),\"decayRule\":\"all\",\"kind\":\"sgd\"}").contains("adamW, muon"))
    #expect(error("{\"beta1\":0}").contains("beta2"))
    #expect(error("{\(usual),\"decayRule\":\"all\"}").isEmpty)
  }

  @Test("the article on recipes has the table of all settings")
  func article() throws {
    let article = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../Sources/Espalier/Espalier.docc/Recipes.md")
    let text = try String(contentsOf: article, encoding: .utf8)
    let table = OptimizerConfiguration.table
    #expect(text.contains(table + "\n"), "Recipes.md lacks, or has otherwise:\n\(table)")
  }
}
