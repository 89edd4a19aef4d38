// SPDX-License-Identifier: Apache-2.0

/// What a run knows of its good states and of the trouble it had.
public struct TrainingHealth: Sendable, Hashable, Codable {
  /// The step of the newest good checkpoint, to which a rollback goes; nil where there is none.
  ///
  /// Good is one that was saved on schedule, after the loss and the gradient that came next were
  /// known to be in order.
  public var goodStep: Int?
  /// Whether a checkpoint is due at this very step and waits for the next gradient.
  public var isSaveDue = false
  /// The latest training losses, oldest first, where a policy watches for spikes.
  public var recentLosses: [Double] = []
  /// Batches left out because of their own loss or gradient.
  public var skippedBatches = 0
  /// Those since the last step that was taken.
  public var skipsInARow = 0
  /// How often the run went back to a checkpoint.
  public var rollbacks = 0
  /// How often since the last checkpoint that was good.
  public var rollbacksInARow = 0
  /// Training that was done and undone, or left out: steps, tokens, operations.
  public var abandoned = TrainingProgress()

  /// Nothing is known yet.
  public init() {}

  /// The number of the next trouble, which tells its record in the log from others.
  var ordinal: Int { skippedBatches + rollbacks + 1 }

  /// Checks that the numbers are possible, since they come from files.
  func validate() throws {
    let counts = [
      ("goodStep", goodStep ?? 0), ("skippedBatches", skippedBatches), ("rollbacks", rollbacks),
      ("skipsInARow", skipsInARow), ("rollbacksInARow", rollbacksInARow),
      ("abandoned.steps", abandoned.steps), ("abandoned.tokens", abandoned.tokens),
    ]
    for (name, count) in counts where !TrainingStatus.counts.contains(count) {
      throw TrainingError(.invalidState, "\(count) is not possible", subject: "health.\(name)")
    }
    guard recentLosses.allSatisfy(\.isFinite), abandoned.floatingPointOperations.isFinite,
      abandoned.seconds.isFinite
    else {
      throw TrainingError(.invalidState, "holds a number that is not finite", subject: "health")
    }
  }

  /// Keeps a step's loss as far as a policy looks back.
  mutating func remember(_ loss: Double, for policy: TrainingConfiguration.SpikePolicy?) {
    guard let policy else {
      recentLosses = []
      return
    }
    recentLosses.append(loss)
    recentLosses.removeFirst(max(0, recentLosses.count - policy.window))
  }
}

extension TrainingStatus {
  /// As ``health``, with nothing known where it is nil.
  var knownHealth: TrainingHealth {
    get { health ?? TrainingHealth() }
    set { health = newValue == TrainingHealth() ? nil : newValue }
  }

  /// Notes that the state of this step is good and being saved.
  package mutating func markGood() {
    knownHealth.isSaveDue = false
    knownHealth.goodStep = progress.steps
    knownHealth.rollbacksInARow = 0
  }
}
