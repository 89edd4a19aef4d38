// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a model's configuration, or with a file that should hold one.
public struct ArchitecturesError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: String, Sendable {
    /// Sizes or rates that no model can have.
    case invalidConfiguration
    /// A family that no program is written for.
    case unsupportedArchitecture
    /// A switch of a known family that its program does not compute.
    case unsupportedFeature
    /// A configuration file that is no JSON, or whose values are missing or of the wrong kind.
    case malformedFile
    /// Tensors of a checkpoint that do not fit the program's parameters.
    case parameterMismatch
  }
  /// The kind of failure.
  public var code: Code
  /// The offending value, what was expected, and the remedy.
  public var message: String
  /// The field or file concerned.
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
