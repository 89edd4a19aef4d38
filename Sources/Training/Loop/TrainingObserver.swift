// SPDX-License-Identifier: Apache-2.0
import RunLogs

/// Hears what a training loop does, and says when it is to end.
public struct TrainingObserver {
  /// Hears every record after it was logged.
  public var hear: (RunRecord) -> Void
  /// Asked after every step, and between a step's micro-batches; true ends the run with a checkpoint.
  public var isInterrupted: () -> Bool

  /// An observer that hears nothing and ends nothing but what it is given.
  public init(
    hear: @escaping (RunRecord) -> Void = { _ in }, isInterrupted: @escaping () -> Bool = { false }
  ) {
    self.hear = hear
    self.isInterrupted = isInterrupted
  }
}

/// Keeps the states of a training loop.
public protocol StateStorage {
  /// Saves a state.
  ///
  /// - Returns: the checkpoint's name.
  func save(_ state: TrainingState) throws -> String
  /// Reads the state of a step again, to go back to it; nil where none was kept.
  func restore(step: Int) throws -> TrainingState?
}
