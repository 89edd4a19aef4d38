// SPDX-License-Identifier: Apache-2.0

/// A failure of the system's matrix library.
public struct LinearAlgebraError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What failed, and with which status.
  public var message: String
  /// What was asked of the library.
  public var subject: String

  /// Makes an error.
  public init(_ message: String, subject: String) {
    self.message = message
    self.subject = subject
  }

  /// The subject and the message.
  public var description: String { "\(subject): \(message)" }
}
