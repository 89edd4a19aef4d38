// SPDX-License-Identifier: Apache-2.0
import Text
import Training

/// Whether two models go on alike: ``Guarantee/trajectory``.
public enum Trajectory {
  /// The largest relative difference of the losses along steps on equal batches, each model
  /// with its own step counts and multipliers.
  ///
  /// The loss of the first batch is taken before any step, so n batches show n − 1 steps.
  ///
  /// - Throws: the errors of the models; ``VerificationError`` for less than two batches.
  public static func difference(
    _ small: any MeasuredModel, _ grown: any MeasuredModel, batches: [TokenBatch],
    training: MeasuredTraining, progress: () throws -> Void = {}
  ) throws -> MeasuredNumber {
    try VerificationError.check(
      batches.count > 1 && batches.allSatisfy { $0.targetCount > 0 }, .invalidBatch,
      subject: "batches",
      "\(batches.count) batches show no step; expected two or more with targets")
    let losses = try [small, grown].map {
      try Self.losses($0, batches: batches, training: training, progress: progress)
    }
    return difference(of: losses[1], against: losses[0])
  }

  /// The largest relative difference of two models' losses; it proves nothing where the first one's are
  /// not finite.
  static func difference(of grown: [Double], against small: [Double]) -> MeasuredNumber {
    let differences = zip(small, grown).enumerated().map { step, pair in
      MeasuredNumber(relativeDifference(pair.1, pair.0), "step \(step)")
    }
    let end = small.firstIndex { !$0.isFinite }
    return (MeasuredNumber.largest(differences) ?? MeasuredNumber(0)).doubted(
      end.map { "the small model's own training diverged at step \($0)" })
  }

  /// The loss of each batch before the step that it makes.
  public static func losses(
    _ model: any MeasuredModel, batches: [TokenBatch], training: MeasuredTraining,
    progress: () throws -> Void = {}
  ) throws -> [Double] {
    var run = try MeasuredRun(model, training)
    return try batches.map {
      try progress()
      return try run.step($0)
    }
  }
}
