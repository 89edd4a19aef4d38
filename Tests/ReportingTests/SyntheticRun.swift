// SPDX-License-Identifier: Apache-2.0
import Foundation
import Reporting
import RunLogs
import SeededRandom

/// A run whose loss follows a law exactly, or with noise from a seed.
struct SyntheticRun {
  var name = "run"
  /// Loss as a function of FLOPs.
  var loss: @Sendable (Double) -> Double = { 20 * pow($0, -0.05) }
  /// FLOPs of a step.
  var flopsPerStep = 1e9
  var secondsPerFLOP = 1e-9
  var steps = 1000
  /// Steps between validations.
  var every = 20
  /// Standard deviation of log loss.
  var noise = 0.0
  /// Steps after which the model was grown.
  var growths: [Int] = []
  var seed: UInt64? = 1
  var decay = LearningRateDecay.constant
  var data: ReportedRun.DataIdentity? = .init(
    tokenizer: "t", training: "a", validation: "b")
  var model = "gpt2"
  var logProblems: [String] = []

  static let tokensPerStep = 4096

  var run: ReportedRun {
    ReportedRun(
      name: name, course: course,
      model: .init(description: model, parameterCount: 10, parameterCountWithoutEmbeddings: 5),
      seed: seed, decay: decay, data: data, logProblems: logProblems)
  }

  var course: RunCourse {
    var random = SplitMix64(seed: (seed ?? 0) &+ UInt64(steps))
    var course = RunCourse([.event(event(.started, 0))])
    for step in 1...steps {
      let flops = Double(step) * flopsPerStep
      let value = loss(flops)
      course.add(
        .step(
          StepRecord(
            step: step, loss: value, tokens: step * Self.tokensPerStep, flops: flops,
            seconds: flops * secondsPerFLOP, learningRate: 1e-3, gradientNorm: 1, sequences: 16,
            sequenceLength: 256)))
      if step % every == 0 || step == steps {
        course.add(
          .evaluation(
            EvaluationRecord(
              step: step, validationLoss: value * exp(noise * normal(&random)),
              tokens: step * Self.tokensPerStep, flops: flops, seconds: flops * secondsPerFLOP,
              targets: 1000)))
      }
      if growths.contains(step) {
        course.add(.event(event(.grown, step, ["source": "small", "target": "large"])))
      }
    }
    course.add(.event(event(.finished, steps)))
    return course
  }

  private func event(
    _ name: EventRecord.Name, _ step: Int, _ details: [String: LogValue] = [:]
  ) -> EventRecord {
    let flops = Double(step) * flopsPerStep
    return EventRecord(
      event: name, step: step, tokens: step * Self.tokensPerStep, flops: flops,
      seconds: flops * secondsPerFLOP, details: details)
  }

  /// Box and Muller.
  private func normal(_ random: inout SplitMix64) -> Double {
    let u = Double.random(in: 1e-12..<1, using: &random)
    let v = Double.random(in: 0..<1, using: &random)
    return (-2 * log(u)).squareRoot() * cos(2 * Double.pi * v)
  }
}
