// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Training

@Suite("GradientNoiseScale") struct GradientNoiseScaleTests {
  @Test(
    "exact expectations give the exact scale at any batch sizes",
    arguments: [
      (1, 2), (16, 64), (100, 101),
    ])
  func exact(_ small: Int, _ big: Int) throws {
    // E|G_B|² = |G|² + tr(Σ) / B
    let (squared, trace) = (3.0, 240.0)
    var noise = GradientNoiseScale()
    for _ in 0..<3 {
      noise.add(
        small: (squared + trace / Double(small), small),
        big: (squared + trace / Double(big), big), smoothing: 0.9)
    }
    #expect(abs(try #require(noise.tokens) - 80) < 1e-9)
    #expect(noise.count == 3)
  }

  @Test("noise alone gives no scale") func hidden() {
    var noise = GradientNoiseScale()
    #expect(noise.tokens == nil)
    noise.add(small: (1, 10), big: (0.01, 20), smoothing: 0.5)
    #expect(noise.tokens == nil)
  }

  @Test("the loop's measurements converge to the quadratic's known scale", arguments: [1, 2])
  func converges(_ accumulate: Int) throws {
    var training = Quadratic.training(
      batch: BatchConfiguration(sequences: 8 / accumulate, accumulate: accumulate),
      stop: StopConditions(after: .steps(300)))
    // So slow that the parameters, and with them the true gradient, stand still.
    training.schedule = LearningRateSchedule(kind: .constant, peak: 1e-12, total: nil)
    training.noiseScale = NoiseScaleConfiguration(every: 1, smoothing: 0.995)
    let source = FormulaSource(target: FormulaSource.scattered)
    let state = try Quadratic.state(training)
    let loop = try TrainingLoop(
      state: state, engine: QuadraticEngine(), data: source,
      surroundings: Quadratic.surroundings())
    _ = try loop.run()
    let measured = try #require(loop.status.noiseScale?.tokens)
    let expected = knownScale(state)
    #expect(abs(measured / expected - 1) < 0.1, "measured \(measured), expected \(expected)")
  }

  /// tr(Σ) / |G|² of the quadratic when all eleven targets are equally likely.
  private func knownScale(_ state: TrainingState) -> Double {
    var (squared, trace) = (0.0, 0.0)
    for (parameter, value) in state.parameters.enumerated() {
      for (element, start) in value.value.floats.enumerated() {
        let pulls = (0..<11).map { QuadraticEngine.pull(Int32($0), parameter, element) }
        let mean = pulls.reduce(0, +) / 11
        squared += (Double(start) - mean) * (Double(start) - mean)
        trace += pulls.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 11
      }
    }
    return trace / squared
  }
}
