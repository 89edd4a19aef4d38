// SPDX-License-Identifier: Apache-2.0
import Wording

/// Why bytes are no JSON, and where.
public struct OrderedJSONError: EspalierError {
  /// The kind of failure.
  public enum Code: String, Sendable {
    /// Text that breaks the grammar of RFC 8259, or that is not UTF-8.
    case malformed
    /// Arrays and objects within each other beyond the limit that was asked for.
    case nestedTooDeep
    /// A key that stands twice in an object whose reader asked for that to be refused.
    case repeatedKey
  }
  /// The kind of failure.
  public var code: Code
  /// The offending value, or what was expected.
  public var message: String
  /// The byte, counted from 0, at which reading stopped.
  public var offset: Int

  /// Makes an error.
  public init(_ code: Code, _ message: String, offset: Int) {
    self.code = code
    self.message = message
    self.offset = offset
  }

  /// The place concerned; the file is known to the caller alone.
  public var subject: String { "byte \(offset)" }
}
