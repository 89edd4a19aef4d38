// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Growth
import Tensors
import Testing
import Training
import Verification

/// What is promised of noise between copies, and what is not.
@Suite("Noise between copies") struct NoiseTests {
  /// From a noise thirty times as strong as the weights to one that nothing can tell.
  static let decibels: [Double] = [-30, 0, 3, 4, 5, 6, 8, 10, 20, 40, 100]

  static func growth(_ decibels: Double, _ form: WidthGrowth.Form, factor: Int = 2) -> WidthGrowth {
    WidthGrowth(factor: factor, form: form, symmetry: .noise(signalToNoise: decibels))
  }

  @Test(
    "what is declared is kept in every family and type",
    arguments: [
      "gemma", "gpt_neox", "llama", "mistral", "mistral-bfloat16", "mixtral", "olmo", "phi3",
      "qwen2",
      "qwen3",
    ], [DType.float32, .float16, .bfloat16])
  func declared(_ family: String, _ type: DType) throws {
    for form in WidthGrowth.Form.allCases {
      // What rounding to the type does without any noise is not the noise's.
      let without = try GrownDirectory(
        family, WidthGrowth(factor: 2, form: form, symmetry: .kept), type: type
      ).report()
      for decibels in Self.decibels {
        let report = try GrownDirectory(family, Self.growth(decibels, form), type: type).report()
        for check in report.checks where check.verdict == .broken {
          #expect(
            without[check.check]?.verdict == .broken, "\(form) \(decibels) dB: \(check.check)")
        }
        let declaresLoss = report[.logits]?.verdict == .kept
        if decibels >= 10 { #expect(declaresLoss, "\(form) \(decibels) dB") }
        if decibels <= 0, form == .blockDiagonal { #expect(!declaresLoss, "\(decibels) dB") }
      }
    }
  }

  @Test("copies part, and all parameters learn, where that is declared", arguments: SmallModel.all)
  func training(_ model: SmallModel) throws {
    let small = try model.trained()
    for (form, factor) in [(WidthGrowth.Form.blockDiagonal, 2), (.divided, 3)] {
      for decibels in Self.decibels {
        let plans = try Self.growth(decibels, form, factor: factor).plans(from: model.configuration)
        expectSound(try verify(small, plans))
      }
    }
  }

  @Test("deep models keep what is declared of them", arguments: [(10.0, 30), (8, 14), (6, 3)])
  func deep(_ decibels: Double, _ layers: Int) throws {
    for model in [SmallModel.gpt2, .llama] {
      var configuration = model.configuration
      configuration.layerCount = layers
      let path = try Self.growth(decibels, .blockDiagonal).path(
        from: configuration, options: GrowthOptions(seed: 3))
      #expect(path.guarantees.contains(.loss))
      // As a model begins; the initializer's spread leaves small branches' sums as training does.
      let values = try configuration.program().parameters.map {
        ParameterInitializer(seed: 5).tensor(for: $0)
      }
      var verification = try verification(
        ModelState(configuration, values: values),
        ModelState(path.target, values: try path.grown(values: values)), path.plans)
      verification.exactScope = .logits
      let report = try verification.report(engine: CPUTrainingEngine(threads: 1))
      for check in [VerificationCheck.logits, .loss, .residual] {
        #expect(report[check]?.verdict == .kept, "\(model.name): \(check)")
      }
    }
  }

  @Test("a layer deeper, a decibel stronger, or twice in a row it is not declared")
  func limits() throws {
    var model = SmallModel.gpt2.configuration
    func declares(_ growth: some GrowthOperator) throws -> Bool {
      try growth.guarantees(from: model).contains(.loss)
    }
    for (decibels, layers) in [(10.0, 180), (8, 14), (6, 3)] {
      model.layerCount = layers
      #expect(try declares(Self.growth(decibels, .blockDiagonal)))
      #expect(try !declares(Self.growth(decibels - 1, .blockDiagonal)))
      #expect(try declares(Self.growth(decibels - 6, .divided)))
      #expect(
        try !declares(
          Self.growth(decibels, .blockDiagonal).then(Self.growth(decibels, .blockDiagonal))))
      model.layerCount = layers + 1
      #expect(try !declares(Self.growth(decibels, .blockDiagonal)))
    }
    model.layerCount = 0
    #expect(try declares(Self.growth(-40, .blockDiagonal)))
  }

  @Test("the strongest noise that would do is named")
  func remedy() throws {
    for layers in [1, 3, 14, 30, 1000] {
      var model = SmallModel.llama.configuration
      model.layerCount = layers
      let plan = try #require(Self.growth(-5, .blockDiagonal).plans(from: model).first)
      let strongest = Double(try #require(plan.strongestPromisedNoise))
      #expect(
        try Self.growth(strongest, .blockDiagonal).guarantees(from: model).contains(.loss))
      #expect(
        try !Self.growth(strongest - 1, .blockDiagonal).guarantees(from: model).contains(.loss))
    }
    let promised = try Self.growth(10, .blockDiagonal).plans(from: SmallModel.llama.configuration)
    #expect(promised[0].strongestPromisedNoise == nil)
  }
}
