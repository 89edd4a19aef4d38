// SPDX-License-Identifier: Apache-2.0
import Architectures
import Testing
import Training

/// Yang et al., arXiv 2203.03466, appendix D.1: in the right parametrization no number inside the model grows or
/// shrinks with its size, after any number of steps; one that does shows a factor that is wrong.
@Suite("Coordinate check") struct CoordinateCheckTests {
  static let optimizers: [OptimizerConfiguration] = [
    .adamW(AdamWConfiguration()), .muon(MuonConfiguration()),
  ]

  /// How many times as large each number is at most, and at least, as in the first model.
  private func ratios(
    _ check: CoordinateCheck, _ models: [ModelConfiguration]
  ) throws -> (largest: [String: Double], smallest: [String: Double]) {
    let sizes = try models.map { try check.sizes($0) }
    var (largest, smallest): ([String: Double], [String: Double]) = ([:], [:])
    for (place, base) in sizes[0] {
      let ratios = sizes.map { ($0[place] ?? .nan) / base }
      largest[place] = ratios.max()
      smallest[place] = ratios.min()
    }
    return (largest, smallest)
  }

  /// Nothing grows by a quarter.
  ///
  /// What falls is what a random start gives, above all of the logits, which is the
  /// smaller the wider the model; what is learnt stays, so that no half is lost.
  private func checkStays(
    _ optimizer: OptimizerConfiguration, _ models: [ModelConfiguration]
  ) throws {
    let rule = MaximalUpdateParametrization(base: BaseModel(models[0]))
    let (largest, smallest) = try ratios(
      CoordinateCheck(optimizer: optimizer, parametrization: rule), models)
    for (place, ratio) in largest { #expect(ratio < 1.25, "\(place)") }
    for (place, ratio) in smallest { #expect(ratio > 0.5, "\(place)") }
  }

  private func checkGrows(
    _ optimizer: OptimizerConfiguration, _ models: [ModelConfiguration], at places: [String]
  ) throws {
    let standard = try ratios(
      CoordinateCheck(optimizer: optimizer, parametrization: nil), models
    ).largest
    for place in places { #expect(try #require(standard[place]) > 2, "\(place)") }
  }

  @Test(
    "From a width of 32 to 256 nothing in the model grows, and without mup it does",
    arguments: [Architecture.gpt2, .llama], optimizers)
  func width(_ architecture: Architecture, _ optimizer: OptimizerConfiguration) throws {
    let models = [32, 64, 128, 256].map { CoordinateCheck.model(architecture, width: $0) }
    try checkStays(optimizer, models)
    try checkGrows(
      optimizer, models, at: ["residual stream", "attention", "activation", "logits"])
  }

  @Test(
    "From 2 layers to 8 nothing in the model grows, and without mup what blocks add does",
    arguments: [Architecture.gpt2, .llama], optimizers)
  func depth(_ architecture: Architecture, _ optimizer: OptimizerConfiguration) throws {
    let models = [2, 4, 8].map { CoordinateCheck.model(architecture, layers: $0) }
    try checkStays(optimizer, models)
    try checkGrows(
      optimizer, models, at: ["\(ParameterSpec.Role.weight(.attentionOutput))"])
  }
}
