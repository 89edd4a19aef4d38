// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Espalier
import Foundation
import Wording

/// Where a prompt comes from, and how much of it is read.
enum PromptText {
  /// Some millions of tokens, more than any model's context.
  static let mostBytes = 16 << 20

  /// Reads a file.
  static func file(_ path: String) throws -> String {
    do {
      return try RegularFile.text(of: path, atMost: mostBytes)
    } catch {
      guard error.code != .notText else {
        throw EvaluationError(.insufficientText, error.message, subject: path)
      }
      throw EvaluationError(
        .insufficientText, "\(error.message); a text from elsewhere goes to standard input",
        subject: path)
    }
  }

  /// Reads standard input to its end.
  ///
  /// - Parameter check: runs every so often, also while nothing comes; what it throws ends the reading.
  static func standardInput(_ check: () throws -> Void) throws -> String {
    var bytes: [UInt8] = []
    while true {
      try check()
      var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      guard poll(&input, 1, 200) != 0 else { continue }
      let part = try read()
      guard !part.isEmpty else { break }
      bytes += part
      guard bytes.count <= mostBytes else {
        throw EvaluationError(
          .tooMuchText,
          "gives more than \(mostBytes >> 20) MiB, which no model can take as a prompt; give less of it",
          subject: "standard input")
      }
    }
    do { return try TextEncoding.text(Data(bytes)) } catch {
      throw EvaluationError(.insufficientText, error.message, subject: "standard input")
    }
  }

  /// What has come so far; nothing at the end.
  private static func read() throws -> ArraySlice<UInt8> {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = Foundation.read(STDIN_FILENO, &buffer, buffer.count)
    if count < 0, errno == EINTR || errno == EAGAIN { return try read() }
    guard count >= 0 else {
      throw EvaluationError(
        .insufficientText, "cannot be read: \(systemReason(errno))",
        subject: "standard input")
    }
    return buffer[..<count]
  }
}
