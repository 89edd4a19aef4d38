// SPDX-License-Identifier: Apache-2.0
import RunLogs

/// Watches a run's validation losses for the moment to end a stage.
///
/// What it has seen must be all in its memory, which is kept in the state, so that a run that was
/// broken off sees the moment at the same step.
public protocol LossMonitor {
  /// What it has seen, as text; kept as ``TrainingStatus/slopeDetector``.
  var memory: String { get }
  /// Whether the moment has come.
  var isOver: Bool { get }
  /// Takes in one more evaluation.
  mutating func observe(_ evaluation: EvaluationRecord) throws
  /// Goes back to what an earlier state remembers; nil for what it had seen at first.
  mutating func restore(memory: String?) throws
}
