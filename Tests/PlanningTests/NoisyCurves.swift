// SPDX-License-Identifier: Apache-2.0
import Foundation
import Planning
import Tensors

/// Gaussian numbers from a seed, the same on every system.
struct GaussianStream {
  private let generator: Philox
  private var block: UInt64 = 0

  init(seed: UInt64) { generator = Philox(seed: seed) }

  mutating func next() -> Double {
    let words = generator.words(block: block, stream: 0)
    block += 1
    // Box and Muller's transform.
    let u = (Double(words.x) + 0.5) / 4_294_967_296
    let angle = 2 * Double.pi * Double(words.y) / 4_294_967_296
    return (-2 * log(u)).squareRoot() * cos(angle)
  }

  /// A number from 0 ..< 1.
  mutating func uniform() -> Double {
    let words = generator.words(block: block, stream: 1)
    block += 1
    return Double(words.x) / 4_294_967_296
  }
}

/// Curves that a law and noise make.
struct NoisyCurves {
  var law = ScalingLaw.kaplan
  /// The standard deviation of log L at each point.
  var pointNoise = 0.0
  /// How much of a point's noise goes on at the next.
  var autocorrelation = 0.0
  /// The standard deviation of log L from run to run.
  var runNoise = 0.0
  /// The share of points that stick out by 5 %.
  var spikes = 0.0

  func curve(
    parameters: Double, steps: [Int], random: inout GaussianStream
  ) throws -> LossCurve {
    let offset = runNoise * random.next()
    var noise = random.next()
    let points = steps.map { step in
      let share = autocorrelation
      noise = share * noise + (1 - share * share).squareRoot() * random.next()
      let spike = random.uniform() < spikes ? 0.05 : 0
      let loss = law.loss(parameters: parameters, steps: Double(step))
      return LossCurve.Point(
        step: step, tokens: 1e5 * Double(step), flops: 6e5 * parameters * Double(step),
        loss: loss * exp(offset + pointNoise * noise + spike))
    }
    return try LossCurve(
      name: "N = \(parameters)", parameterCount: parameters, computeCount: .sixN, points: points)
  }
}
