// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// Whether copies of units part in training, and what the loss makes of it.
///
/// A model of width 32 trains until it learns little more, is grown four times in width, and goes on
/// at the same constant rate, in several ways. Dropout is off, so nothing but the growth can part
/// copies.
struct Symmetry {
  let laboratory: Laboratory
  let seeds: [UInt64]
  let growth = 2500
  let total = 3300
  let interval = 50

  private func training(_ seed: UInt64) -> TrainingConfiguration {
    TrainingConfiguration(
      seed: seed, precision: .fp32, batch: BatchConfiguration(sequences: 16),
      optimizer: .adamW(AdamWConfiguration(clip: nil)),
      schedule: LearningRateSchedule(
        kind: .constant, peak: 2e-3, warmup: .steps(100), total: nil),
      evaluation: EvaluationConfiguration(every: .steps(interval), batches: 16), checkpoint: nil,
      stop: StopConditions(after: .steps(total)))
  }

  private let arms: [(name: String, growth: WidthGrowth)] = [
    (
      "copies kept, small rates",
      WidthGrowth(factor: 4, symmetry: .kept, learningRates: .smallTrajectory)
    ),
    ("copies kept", WidthGrowth(factor: 4, symmetry: .kept)),
    ("noise", WidthGrowth(factor: 4)),
    ("unequal shares", WidthGrowth(factor: 4, symmetry: .split)),
  ]

  func run() throws {
    for seed in seeds {
      let model = laboratory.model(layers: 2, width: 32)
      let small = try laboratory.train(
        laboratory.start(model, training(seed)), to: growth, run: "small", seed: seed)
      _ = try laboratory.train(small, to: total, run: "small", seed: seed)
      for arm in arms {
        let path = try arm.growth.path(from: model, options: GrowthOptions(seed: seed))
        try follow(path.grown(small), path, arm.name, seed)
      }
    }
  }

  /// Trains on, and measures the copies' distances again and again.
  private func follow(
    _ grown: TrainingState, _ path: GrowthPath, _ name: String, _ seed: UInt64
  ) throws {
    var state = grown
    for step in stride(from: growth, through: total, by: interval) {
      if step > growth { state = try laboratory.train(state, to: step, run: name, seed: seed) }
      let distances = CopyDistance.means(of: state.parameters.map(\.value), by: path)
      try laboratory.write(["run": name, "seed": seed, "step": step, "distances": distances])
    }
    print("seed \(seed): \(name)")
    fflush(nil)
  }
}
