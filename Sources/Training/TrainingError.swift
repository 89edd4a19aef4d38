// SPDX-License-Identifier: Apache-2.0
import Wording

/// What went wrong with a training configuration, a saved state, or a run.
///
/// Its subject is the key, file or step concerned.
public typealias TrainingError = ModuleError<TrainingErrorCode>

/// The kinds of ``TrainingError``.
public enum TrainingErrorCode: String, Sendable {
  case invalidDuration, invalidConfiguration, invalidState, unsupportedFormat, missingParameter
  case nonFiniteLoss, lossSpike, emptyBatch
  case unreadableFile, unwritableFile
  /// A path holds no model.
  case missingModel
}

extension TrainingError {
  /// Throws an `invalidConfiguration` error about a key unless a condition holds.
  static func check(
    _ condition: Bool, _ subject: String, _ message: @autoclosure () -> String
  ) throws {
    try check(condition, .invalidConfiguration, subject: subject, message())
  }
}
