// SPDX-License-Identifier: Apache-2.0

/// What went wrong with a tensor's shape, type or bytes.
public struct TensorsError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: String, Sendable {
    case invalidShape, byteCountMismatch, unsupportedConversion, insufficientMemory
  }
  /// The kind of failure.
  public var code: Code
  /// The offending value, what was expected, and the remedy.
  public var message: String
  /// The file or tensor concerned.
  public var subject: String

  /// Makes an error.
  public init(_ code: Code, _ message: String, subject: String) {
    self.code = code
    self.message = message
    self.subject = subject
  }

  /// The subject and the message.
  public var description: String { "\(subject): \(message)" }
}
