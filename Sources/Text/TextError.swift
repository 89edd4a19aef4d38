// SPDX-License-Identifier: Apache-2.0
import Wording

/// What went wrong with a tokenizer, a corpus, a shard of tokens or a manifest.
public struct TextError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: String, Sendable {
    /// A tokenizer's file contradicts itself or cannot be parsed.
    case invalidTokenizer
    /// A tokenizer's file is well formed but asks for a component that is not supported.
    case unsupportedTokenizer
    /// A file of text, or a folder of them, cannot be read.
    case unreadableInput
    /// A shard cannot be written or described as asked.
    case invalidShard
    /// A shard's bytes are not those that its manifest promises.
    case damagedShard
    /// A manifest cannot be parsed or contradicts itself.
    case invalidManifest
    /// The corpus holds fewer tokens than were asked for.
    case insufficientTokens
  }
  /// The kind of failure.
  public var code: Code
  /// The offending value, what was expected, and the remedy.
  public var message: String
  /// The file, shard or key concerned.
  public var subject: String
  /// The error beneath this one, where there is one.
  public var cause: (any Error)?

  /// Makes an error.
  public init(_ code: Code, _ message: String, subject: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.subject = subject
    self.cause = cause
  }

  /// The subject, the message and, where there is one, the cause.
  public var description: String {
    let head = "\(subject): \(message)"
    return cause.map { "\(head): \(reason(of: $0))" } ?? head
  }
}
