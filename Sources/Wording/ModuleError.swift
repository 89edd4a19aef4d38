// SPDX-License-Identifier: Apache-2.0

/// What any error of this package says of itself, whatever module it comes from.
public protocol EspalierError: Error, CustomStringConvertible {
  /// The offending value and what was expected.
  var message: String { get }
  /// What is concerned: a file, a key, a tensor, a setting.
  var subject: String { get }
  /// The error beneath this one, where there is one; it may be the system's.
  var cause: (any Error)? { get }
  /// What helps, where it is not a part of the message.
  var remedy: String? { get }
}

extension EspalierError {
  /// None.
  public var cause: (any Error)? { nil }
  /// None.
  public var remedy: String? { nil }

  /// Message, cause and remedy, as far as they are known, on one line.
  ///
  /// Of a cause that is Foundation's only what it means is told, in this package's words.
  public var explanation: String {
    message + (cause.map { ": \(reason(of: $0))" } ?? "") + (remedy.map { "; \($0)" } ?? "")
  }

  /// The subject and the explanation.
  public var description: String { (subject.isEmpty ? "" : "\(subject): ") + explanation }
}

/// An error of one module, whose kinds of failure are listed by `Kind`.
///
/// Every module has a name of its own for it, as `TrainingError` or `StagingError`:
///
///     do { try run.train() } catch let error as StagingError where error.code == .runBusy { … }
public struct ModuleError<Kind: Hashable & Sendable>: EspalierError {
  /// The kinds of failure.
  public typealias Code = Kind

  /// The kind of failure.
  public var code: Code
  /// The offending value, what was expected, and mostly the remedy.
  public var message: String
  /// What is concerned.
  public var subject: String
  /// The error beneath this one, where there is one.
  public var cause: (any Error)?
  /// What helps, where it is not a part of the message.
  public var remedy: String?

  /// Makes an error.
  public init(
    _ code: Code, _ message: String, subject: String, cause: (any Error)? = nil,
    remedy: String? = nil
  ) {
    self.code = code
    self.message = message
    self.subject = subject
    self.cause = cause
    self.remedy = remedy
  }

  /// Another module's error as one of this module's, with all that it says.
  ///
  /// - Parameter subject: what is concerned; nil where the error knows it.
  package init(_ code: Code, _ error: some EspalierError, subject: String? = nil) {
    self.init(
      code, error.message, subject: subject ?? error.subject, cause: error.cause,
      remedy: error.remedy)
  }

  /// Throws an error unless a condition holds.
  @inlinable
  package static func check(
    _ condition: Bool, _ code: Code, subject: String, _ message: @autoclosure () -> String
  ) throws {
    guard condition else { throw Self(code, message(), subject: subject) }
  }
}

extension ModuleError: Hashable {
  /// Whether two errors are of the same kind and say the same.
  public static func == (left: Self, right: Self) -> Bool {
    left.code == right.code && left.description == right.description
  }

  /// Feeds the kind and the text to a hasher.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(code)
    hasher.combine(description)
  }
}
