// SPDX-License-Identifier: Apache-2.0
import Text

/// Standard input may never end; what is read into memory as a whole must.
struct StandardInputLimit {
  /// Every byte may become a token of its own, of four bytes.
  static let byteCount = 256 << 20

  private let isUsed: Bool
  private var read = 0

  init(_ inputs: [CorpusInput]) { isUsed = inputs.contains { $0.location == .standardInput } }

  /// Counts bytes of the inputs.
  ///
  /// - Throws: ``EvaluationError`` of code `tooMuchText`.
  mutating func add(_ count: Int) throws {
    read += count
    guard isUsed, read > Self.byteCount else { return }
    throw EvaluationError(
      .tooMuchText,
      "gives more than \(Self.byteCount >> 20) MiB of text, which is held in memory; prepare it with "
        + "`espalier prepare -`, and name the tokens with --data",
      subject: "standard input")
  }
}
