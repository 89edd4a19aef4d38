// SPDX-License-Identifier: Apache-2.0
import CheckedInput

extension TrainingConfiguration {
  /// Where a training that goes on from a state ends before its learning rate, which rises again after a
  /// growth, is the schedule's own.
  ///
  /// - Returns: the step at which the rate would be, and the one at which the training ends; nil where it
  ///   comes to that, where the training is over, or where steps do not tell.
  package func unreachedRise(from status: TrainingStatus) -> (risen: Int, end: Int)? {
    let position = status.position
    guard let rewarmup = position.rewarmup, position.rewarmupFactor(at: status.progress) < 1,
      let length = steps(rewarmup.duration, of: status),
      let end = stop.after.flatMap({ steps($0, of: status) })
        ?? schedule.total.flatMap({ steps($0, of: status) }).map({
          $0 - Double(position.offset.steps)
        })
    else { return nil }
    let risen = Double(rewarmup.start.steps) + length
    return risen > end && end > Double(status.progress.steps)
      ? (Int(bounding: risen.rounded(.up)), Int(bounding: end)) : nil
  }

  /// A duration in steps of full batches; nil for one in operations or wall time.
  private func steps(_ duration: TrainingDuration, of status: TrainingStatus) -> Double? {
    switch duration {
    case .steps(let count): Double(count)
    case .tokens(let count):
      Double(count) / (Double(batch.sequencesPerStep) * Double(status.model.contextLength))
    case .floatingPointOperations, .seconds: nil
    }
  }
}
