// SPDX-License-Identifier: Apache-2.0

/// What the accelerator engine, or a plugin of it, could not do.
public struct XLAEngineError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: String, Sendable {
    /// There is no plugin where one was looked for.
    case missingPlugin
    /// A file that is no plugin for this machine, or not a whole one.
    case invalidPlugin
    /// A plugin whose interface is too old, or of another major version.
    case unsupportedVersion
    /// A plugin that cannot do what was asked; its own words are in the message.
    case pluginFailure
    /// A device without room for a program or its arguments.
    case outOfMemory
    case invalidParameters, invalidBatch
  }
  /// The kind of failure.
  public var code: Code
  /// The offending value, what was expected, and the remedy.
  public var message: String
  /// The plugin, parameter or batch concerned.
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
