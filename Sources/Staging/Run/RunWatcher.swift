// SPDX-License-Identifier: Apache-2.0
import Foundation
import RunLogs
import Training

/// Hears a loop's records and tells the run's observer of them.
final class RunWatcher {
  private let directory: RunDirectory
  private let observer: @Sendable (TrainingRunEvent) -> Void
  private var meter: ProgressMeter
  /// The last step of this session.
  private(set) var lastStep: StepRecord?

  init(
    directory: RunDirectory, meter: ProgressMeter, lastStep: StepRecord? = nil,
    observer: @escaping @Sendable (TrainingRunEvent) -> Void
  ) {
    self.directory = directory
    self.meter = meter
    self.lastStep = lastStep
    self.observer = observer
  }

  func hear(_ record: RunRecord) {
    switch record {
    case .step(let step):
      lastStep = step
      observer(.step(step, meter.advance(with: step)))
    case .evaluation(let evaluation):
      observer(.evaluation(evaluation))
    case .event(let event): hear(event)
    }
  }

  private func hear(_ event: EventRecord) {
    switch event.event {
    case .checkpoint:
      guard case .text(let name)? = event.details["checkpoint"] else { return }
      observer(.saved(directory.url.appending(path: name), step: event.step))
    case .batchSkipped:
      observer(.note("\(event.trouble); the batch is left out"))
    case .rolledBack:
      meter.restart(at: event)
      observer(
        .note(
          "\(event.trouble); back to step \(event.step), and the batches since are left out"))
    default: break
    }
  }
}
