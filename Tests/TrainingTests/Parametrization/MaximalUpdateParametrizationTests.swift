// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Testing
import Training

@Suite("Maximal update parametrization") struct MaximalUpdateParametrizationTests {
  /// What a role takes in a model so many times as wide and as deep as its base.
  struct Row: Sendable, CustomTestStringConvertible {
    var role: ParameterSpec.Role
    /// Initial values, rate, ε.
    var expected: (Double, Double, Double)
    var testDescription: String { "\(role)" }

    init(_ role: ParameterSpec.Role, _ initial: Double, _ rate: Double, _ epsilon: Double) {
      self.role = role
      expected = (initial, rate, epsilon)
    }
  }

  /// A Llama whose feed-forward is three times as wide as its stream.
  private static func llama(
    width: Int, layers: Int, headSize: Int = 8, inner: Int? = nil, ties: Bool = false
  ) -> ModelConfiguration {
    ModelConfiguration(
      architecture: .llama, layerCount: layers, hiddenSize: width, headCount: width / 8,
      headSize: headSize, intermediateSize: inner ?? 3 * width, vocabularySize: 50,
      contextLength: 16, rotary: RotaryEmbedding(), tiesHead: ties)
  }

  private static func gpt2(width: Int, layers: Int, ties: Bool = true) -> ModelConfiguration {
    ModelConfiguration(
      architecture: .gpt2, layerCount: layers, hiddenSize: width, headCount: width / 8,
      intermediateSize: 4 * width, vocabularySize: 50, contextLength: 16, tiesHead: ties)
  }

  private static let adamW = OptimizerConfiguration.adamW(AdamWConfiguration())
  private static let muon = OptimizerConfiguration.muon(MuonConfiguration())

  private func scales(
    of model: ModelConfiguration, base: ModelConfiguration,
    _ optimizer: OptimizerConfiguration = adamW
  ) throws -> [ParameterSpec.Role: ParameterScale] {
    let scales = try MaximalUpdateParametrization(base: BaseModel(base))
      .scales(of: model, under: optimizer)
    return Dictionary(zip(try model.program().parameters.map(\.role), scales)) { first, other in
      #expect(first == other, "blocks are alike")
      return first
    }
  }

  private func check(
    _ rows: [Row], _ scales: [ParameterSpec.Role: ParameterScale], _ comment: Comment
  ) {
    #expect(Set(rows.map(\.role)) == Set(scales.keys), comment)
    for row in rows {
      guard let scale = scales[row.role] else { continue }
      let got = [scale.initialValue, scale.learningRate, scale.epsilon]
      let expected = [row.expected.0, row.expected.1, row.expected.2]
      for (got, expected) in zip(got, expected) {
        #expect(abs(got / expected - 1) < 1e-14, "\(row.role): \(got) for \(expected)")
      }
    }
  }

  @Test("Llama with a head of its own: 4 times as wide, 2 times as deep, worked out by hand")
  func untied() throws {
    let scales = try scales(
      of: Self.llama(width: 64, layers: 6), base: Self.llama(width: 16, layers: 3))
    check(
      [
        Row(.tokenEmbedding, 1, 1, 1.0 / 4), Row(.head, 1.0 / 4, 1.0 / 4, 1),
        Row(.normGain(.attention), 1, 1, 1.0 / 8), Row(.normGain(.feedForward), 1, 1, 1.0 / 8),
        Row(.normGain(.final), 1, 1, 1.0 / 4),
        Row(.weight(.query), 1.0 / 2, 1.0 / 4, 1.0 / 8),
        Row(.weight(.key), 1.0 / 2, 1.0 / 4, 1.0 / 8),
        Row(.weight(.value), 1.0 / 2, 1.0 / 4, 1.0 / 8),
        Row(.weight(.attentionOutput), 1.0 / 4, 1.0 / 8, 1.0 / 4),
        Row(.weight(.feedForwardGate), 1.0 / 2, 1.0 / 4, 1.0 / 8),
        Row(.weight(.feedForwardUp), 1.0 / 2, 1.0 / 4, 1.0 / 8),
        Row(.weight(.feedForwardDown), 1.0 / 4, 1.0 / 8, 1.0 / 4),
      ], scales, "untied")
  }

  @Test("GPT-2 with a tied head: 4 times as wide, 8 times as deep, worked out by hand")
  func tied() throws {
    let scales = try scales(
      of: Self.gpt2(width: 64, layers: 8), base: Self.gpt2(width: 16, layers: 1))
    check(
      [
        Row(.tokenEmbedding, 1, 1, 1.0 / 4), Row(.positionEmbedding, 1, 1, 1.0 / 4),
        Row(.normGain(.attention), 1, 1, 1.0 / 32), Row(.normBias(.attention), 1, 1, 1.0 / 32),
        Row(.normGain(.feedForward), 1, 1, 1.0 / 32), Row(.normBias(.feedForward), 1, 1, 1.0 / 32),
        Row(.normGain(.final), 1.0 / 4, 1.0 / 4, 1), Row(.normBias(.final), 1.0 / 4, 1.0 / 4, 1),
        Row(.weight(.queryKeyValue), 1.0 / 2, 1.0 / 4, 1.0 / 32),
        Row(.bias(.queryKeyValue), 1, 1, 1.0 / 32),
        Row(.weight(.attentionOutput), 1.0 / 16, 1.0 / 32, 1.0 / 4),
        Row(.bias(.attentionOutput), 1.0 / 8, 1.0 / 8, 1.0 / 4),
        Row(.weight(.feedForwardUp), 1.0 / 2, 1.0 / 4, 1.0 / 32),
        Row(.bias(.feedForwardUp), 1, 1, 1.0 / 32),
        Row(.weight(.feedForwardDown), 1.0 / 16, 1.0 / 32, 1.0 / 4),
        Row(.bias(.feedForwardDown), 1.0 / 8, 1.0 / 8, 1.0 / 4),
      ], scales, "tied")
  }

  @Test("Each axis counts by itself; wider heads take the root of their size from queries")
  func axes() throws {
    let scales = try scales(
      of: Self.llama(width: 32, layers: 2, headSize: 32, inner: 432),
      base: Self.llama(width: 16, layers: 2))
    func expect(_ role: ParameterSpec.Role, _ initial: Double, _ rate: Double, _ epsilon: Double) {
      check([Row(role, initial, rate, epsilon)], scales.filter { $0.key == role }, "\(role)")
    }
    // Stream × 2, heads × 2 of × 4 the size, feed-forward × 9.
    expect(.weight(.query), 0.5.squareRoot() / 2, 1.0 / 4, 1.0 / 4)
    expect(.weight(.key), 0.5.squareRoot(), 1.0 / 2, 1.0 / 8)
    expect(.weight(.attentionOutput), 0.125.squareRoot(), 1.0 / 8, 1.0 / 2)
    expect(.weight(.feedForwardUp), 0.5.squareRoot(), 1.0 / 2, 1.0 / 9)
    expect(.weight(.feedForwardDown), 1.0 / 3, 1.0 / 9, 1.0 / 2)
  }

  @Test("Orthogonalised steps take the root of the width, all else what AdamW takes")
  func muon() throws {
    let (model, base) = (Self.llama(width: 64, layers: 6), Self.llama(width: 16, layers: 3))
    let muon = try scales(of: model, base: base, Self.muon)
    let adamW = try scales(of: model, base: base)
    #expect(muon[.weight(.feedForwardUp)]?.learningRate == 1.0 / 2)
    #expect(muon[.weight(.feedForwardDown)]?.learningRate == 1.0 / 4)
    #expect(muon[.weight(.query)]?.learningRate == 1.0 / 2)
    #expect(muon[.weight(.query)]?.initialValue == adamW[.weight(.query)]?.initialValue)
    for role: ParameterSpec.Role in [.tokenEmbedding, .head, .normGain(.final)] {
      #expect(muon[role] == adamW[role])
    }
    // Of a matrix of more columns than rows the spectral norm is √columns.
    let wide = try scales(
      of: Self.llama(width: 16, layers: 3, inner: 192), base: base, Self.muon)
    #expect(abs((wide[.weight(.feedForwardDown)]?.learningRate ?? 0) * 4 - 1) < 1e-14)
  }

  @Test("Initial values follow, and decay does not")
  func startAndDecay() throws {
    let (model, base) = (Self.gpt2(width: 64, layers: 8), Self.gpt2(width: 16, layers: 2))
    let rule = MaximalUpdateParametrization(base: BaseModel(base))
    let specs = try rule.parameters(of: model)
    func start(_ role: ParameterSpec.Role) -> ParameterSpec.Initializer? {
      specs.first { $0.role == role }?.initializer
    }
    #expect(start(.tokenEmbedding) == .normal(standardDeviation: 0.02))
    #expect(start(.weight(.feedForwardUp)) == .normal(standardDeviation: 0.01))
    // The base's own start: 0.02 / √4 in a base of two layers.
    #expect(start(.weight(.feedForwardDown)) == .normal(standardDeviation: 0.01 / 2 / 4))
    #expect(start(.normGain(.final)) == .constant(0.25))
    #expect(start(.normGain(.attention)) == .ones)
    #expect(start(.normBias(.final)) == .zeros)

    let clocks = specs.map {
      ParameterClock(name: $0.name, stepCount: 0, learningRateMultiplier: 1, epsilonMultiplier: 1)
    }
    let training = training(rule)
    let updates = training.optimizer.adamW.updates(
      learningRate: 0.1, parameters: specs, clocks: try training.effective(clocks, of: model))
    for (spec, update) in zip(specs, updates) {
      #expect(update.decayFactor == (spec.decays ? 0.1 * 0.1 : 0), "\(spec.name)")
    }
    #expect(try training.stored(training.effective(clocks, of: model), of: model) == clocks)
  }

  private func training(_ rule: MaximalUpdateParametrization?) -> TrainingConfiguration {
    TrainingConfiguration(
      seed: 4, batch: BatchConfiguration(sequences: 2),
      schedule: LearningRateSchedule(peak: 0.1, total: .steps(4)),
      stop: StopConditions(after: .steps(4)), parametrization: rule)
  }

  @Test(
    "Of the base's own sizes all is what it is without a parametrization, to the bit",
    arguments: [gpt2(width: 24, layers: 3), llama(width: 24, layers: 3, ties: true)])
  func base(_ model: ModelConfiguration) throws {
    let rule = MaximalUpdateParametrization(base: BaseModel(model))
    for optimizer in [Self.adamW, Self.muon] {
      let scales = try rule.scales(of: model, under: optimizer)
      #expect(scales.allSatisfy { $0 == ParameterScale() })
    }
    #expect(try rule.parameters(of: model) == model.program().parameters)
    let (mup, standard) = try (
      training(rule).initialParameters(of: model), training(nil).initialParameters(of: model)
    )
    #expect(mup.map(\.floats) == standard.map(\.floats))
  }

  @Test("A base that cannot be is named by its key")
  func invalid() throws {
    func failure(_ base: ModelConfiguration, _ model: ModelConfiguration) -> TrainingError? {
      #expect(throws: TrainingError.self) {
        try MaximalUpdateParametrization(base: BaseModel(base)).scales(
          of: model, under: Self.adamW)
      }
    }
    let model = Self.gpt2(width: 32, layers: 2)
    #expect(
      failure(Self.gpt2(width: 16, layers: 0), model)?.subject == "parametrization.base.layers")
    var odd = Self.gpt2(width: 16, layers: 1)
    (odd.headCount, odd.keyValueHeadCount, odd.headSize) = (1, 1, 16)
    #expect(failure(odd, model)?.subject == "parametrization.base.heads")
    (odd.headCount, odd.keyValueHeadCount) = (3, 2)
    #expect(failure(odd, model)?.subject == "parametrization.base")
    var olmo = ModelConfiguration(
      family: .olmo, layerCount: 1, hiddenSize: 16, headCount: 2, intermediateSize: 32,
      vocabularySize: 50, contextLength: 16, rotary: RotaryEmbedding(), tiesHead: true)
    #expect(failure(olmo, olmo)?.subject == "parametrization")
    olmo.tiesHead = false
    _ = try MaximalUpdateParametrization(base: BaseModel(olmo)).scales(of: olmo, under: Self.adamW)
  }

  @Test("A training without a parametrization is written as it always was; one with it comes back")
  func files() throws {
    let standard = training(nil)
    let text = String(decoding: try JSONEncoder().encode(standard), as: UTF8.self)
    #expect(!text.contains("parametrization"))
    #expect(
      try JSONDecoder().decode(TrainingConfiguration.self, from: Data(text.utf8)) == standard)
    let mup = training(.init(base: BaseModel(Self.llama(width: 16, layers: 2))))
    let data = try JSONEncoder().encode(mup)
    #expect(String(decoding: data, as: UTF8.self).contains(#""kind":"mup""#))
    #expect(try JSONDecoder().decode(TrainingConfiguration.self, from: data) == mup)
  }
}
