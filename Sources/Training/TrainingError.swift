// SPDX-License-Identifier: Apache-2.0

/// What went wrong with a training configuration, a saved state, or a run.
public struct TrainingError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: String, Sendable {
    case invalidDuration, invalidConfiguration, invalidState, unsupportedFormat, missingParameter
    case nonFiniteLoss, lossSpike, emptyBatch
    case unreadableFile, unwritableFile
    /// A path holds no model.
    case missingModel
  }
  /// The kind of failure.
  public var code: Code
  /// The offending value, what was expected, and the remedy.
  public var message: String
  /// The key, file or step concerned.
  public var subject: String

  /// Makes an error.
  public init(_ code: Code, _ message: String, subject: String) {
    self.code = code
    self.message = message
    self.subject = subject
  }

  /// Subject and message on one line.
  public var description: String { "\(subject): \(message)" }

  /// Throws an `invalidConfiguration` error about a key unless a condition holds.
  static func check(
    _ condition: Bool, _ subject: String, _ message: @autoclosure () -> String
  ) throws {
    guard condition else { throw TrainingError(.invalidConfiguration, message(), subject: subject) }
  }
}
