// SPDX-License-Identifier: Apache-2.0
import RunLogs

/// How a run ended.
public struct TrainingOutcome: Sendable, Hashable {
  /// Why it ended.
  public enum Reason: String, Sendable, Hashable {
    /// It has trained as long as it should.
    case finished
    /// It came to the loss at which it should stop.
    case reachedLoss
    /// Its monitor saw the moment to end.
    case reachedMoment
    /// It was asked to end early.
    case interrupted

    var event: EventRecord.Name {
      switch self {
      case .finished: .finished
      case .reachedLoss, .reachedMoment: .stopped
      case .interrupted: .interrupted
      }
    }
  }

  /// Why it ended.
  public var reason: Reason
  /// How far it came.
  public var progress: TrainingProgress
  /// The name of the last checkpoint; nil where none was saved.
  public var checkpoint: String?
  /// The last validation loss; nil where none was measured.
  public var validationLoss: Double?
}
