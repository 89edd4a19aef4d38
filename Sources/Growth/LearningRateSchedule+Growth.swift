// SPDX-License-Identifier: Apache-2.0
import Training

extension LearningRateSchedule {
  /// How long the rate rises again after a growth that moves the schedule: a fifteenth of the warm-up.
  ///
  /// In the staged-training paper it is 200 steps of a warm-up of 3000 (arXiv 2203.06211). Nil where
  /// that is less than one step or token.
  public var rewarmupAfterGrowth: TrainingDuration? {
    switch warmup {
    case .steps(let count): count < 15 ? nil : .steps(count / 15)
    case .tokens(let count): count < 15 ? nil : .tokens(count / 15)
    case .floatingPointOperations(let amount):
      amount > 0 ? .floatingPointOperations(amount / 15) : nil
    case .seconds: nil
    }
  }
}
