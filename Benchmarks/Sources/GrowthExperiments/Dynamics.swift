// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// Whether a grown model learns as fast as one of its size trained from scratch, and which parts of
/// the growth it takes.
///
/// All runs follow one cosine schedule of the target. Small models train for `growth` steps of it, are
/// grown, and go on to its end; where the schedule is repositioned that is `growth - growth / ρ`
/// steps later.
struct Dynamics {
  let laboratory: Laboratory
  let seeds: [UInt64]
  let total = 2000
  let growth = 600
  /// Steps for which ways to grow are compared; the two main ones go on to the schedule's end.
  let probe = 500
  /// The peak that serves the target best from scratch, see ``sweepRates()``.
  let peak = 6e-3

  private func training(_ seed: UInt64, peak: Double) -> TrainingConfiguration {
    TrainingConfiguration(
      seed: seed, precision: .bf16, batch: BatchConfiguration(sequences: 16),
      schedule: LearningRateSchedule(
        kind: .cosine, peak: peak, warmup: .steps(100), total: .steps(total), floor: 0.05),
      evaluation: EvaluationConfiguration(every: .steps(25), batches: 16), checkpoint: nil,
      stop: StopConditions(after: .steps(total)))
  }

  /// One way to grow.
  private struct Arm {
    var name: String
    var growth: any GrowthOperator
    var ratio: Double? = nil
    var moments = MomentPolicy.mapped
    var rewarmup = 50
  }

  private let main = [
    "half width": Arm(name: "width", growth: WidthGrowth(factor: 2), ratio: 1.776),
    "half depth": Arm(name: "depth", growth: DepthGrowth(factor: 2), ratio: 1.412),
  ]
  /// They stand later on the schedule than the main ones, so only the ends can be compared.
  private let withoutRepositioning = [
    "half width": Arm(name: "width, schedule kept", growth: WidthGrowth(factor: 2)),
    "half depth": Arm(name: "depth, schedule kept", growth: DepthGrowth(factor: 2)),
  ]
  private let others = [
    "half width": [
      Arm(
        name: "width, moments reset", growth: WidthGrowth(factor: 2), ratio: 1.776, moments: .reset),
      Arm(
        name: "width, as released", growth: WidthGrowth(factor: 2, symmetry: .kept), ratio: 1.776,
        moments: .diagonal),
      Arm(
        name: "width, noise at 0 dB",
        growth: WidthGrowth(factor: 2, symmetry: .noise(signalToNoise: 0)), ratio: 1.776),
      Arm(
        name: "width, noise at 20 dB",
        growth: WidthGrowth(factor: 2, symmetry: .noise(signalToNoise: 20)), ratio: 1.776),
      Arm(name: "width, no noise", growth: WidthGrowth(factor: 2, symmetry: .kept), ratio: 1.776),
      Arm(name: "width, no re-warm-up", growth: WidthGrowth(factor: 2), ratio: 1.776, rewarmup: 0),
      Arm(
        name: "width, divided copies", growth: WidthGrowth(factor: 2, form: .divided), ratio: 1.776),
    ],
    "half depth": [
      Arm(
        name: "depth, by norm", growth: DepthGrowth(factor: 2, block: .identityByNorm), ratio: 1.412
      ),
      Arm(
        name: "depth, stacked copies",
        growth: DepthGrowth(factor: 2, block: .copy, placement: .appended), ratio: 1.412),
    ],
  ]

  /// Trains the target from scratch at several peaks of the learning rate.
  func sweepRates() throws {
    for seed in seeds {
      for peak in [7.5e-4, 1.5e-3, 3e-3, 6e-3, 12e-3] {
        let state = try laboratory.start(
          laboratory.model(layers: 4, width: 128), training(seed, peak: peak))
        _ = try laboratory.train(state, to: total, run: "peak \(peak)", seed: seed)
      }
    }
  }

  func run() throws {
    var small: [UInt64: [String: TrainingState]] = [:]
    for seed in seeds {
      small[seed] = try smallModels(seed)
      for (name, state) in small[seed] ?? [:] {
        if let arm = main[name] { try grow(state, arm, seed, to: total) }
      }
      let target = laboratory.model(layers: 4, width: 128)
      let scratch = try laboratory.start(target, training(seed, peak: peak))
      _ = try laboratory.train(scratch, to: total, run: "from scratch", seed: seed)
    }
    for seed in seeds {
      for (name, arms) in others {
        guard let state = small[seed]?[name] else { continue }
        for arm in arms { try grow(state, arm, seed, to: growth + probe) }
      }
    }
  }

  /// The main growths once more, with a schedule that goes on where it stands.
  func runWithoutRepositioning() throws {
    for seed in seeds {
      for (name, state) in try smallModels(seed) {
        if let arm = withoutRepositioning[name] { try grow(state, arm, seed, to: total) }
      }
    }
  }

  /// The models that are grown, trained as far as that.
  private func smallModels(_ seed: UInt64) throws -> [String: TrainingState] {
    let models = [
      "half width": laboratory.model(layers: 4, width: 64),
      "half depth": laboratory.model(layers: 2, width: 128),
    ]
    return try Dictionary(
      uniqueKeysWithValues: models.sorted { $0.key > $1.key }.map { name, model in
        let start = try laboratory.start(model, training(seed, peak: peak))
        return (name, try laboratory.train(start, to: growth, run: name, seed: seed))
      })
  }

  /// Grows and trains on, until the run or the schedule has come to a number of steps.
  private func grow(_ small: TrainingState, _ arm: Arm, _ seed: UInt64, to steps: Int) throws {
    let rewarmup: TrainingDuration? = arm.rewarmup > 0 ? .steps(arm.rewarmup) : nil
    let schedule =
      arm.ratio.map { ScheduleContinuation.repositioned(ratio: $0, rewarmup: rewarmup) }
      ?? .continued
    let grown = try arm.growth.grown(
      small, options: GrowthOptions(seed: seed, moments: arm.moments, schedule: schedule))
    let end = steps == total ? total - grown.status.position.offset.steps : steps
    _ = try laboratory.train(grown, to: end, run: arm.name, seed: seed)
    print("seed \(seed): \(arm.name)")
    fflush(nil)
  }
}
