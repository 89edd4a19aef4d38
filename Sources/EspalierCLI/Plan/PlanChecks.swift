// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// Checks of options that several parts of `espalier plan` have.
enum PlanChecks {
  /// Tokens of an optimizer step.
  static func tokensPerStep(_ tokens: Double?) throws {
    guard let tokens, !(tokens > 0 && tokens <= 0x1p53) else { return }
    throw ValidationError(
      "--tokens-per-step is \(tokens); expected a positive number, at most 2^53.")
  }

  /// A slope of a falling loss.
  static func slope(_ name: String, _ slope: Double) throws {
    guard !(slope < 0 && slope.isFinite) else { return }
    throw ValidationError("\(name) is \(slope); expected a slope below 0, such as -0.0475.")
  }

  /// A number that is something.
  static func positive(_ name: String, _ number: Double?, _ what: String) throws {
    guard let number, !(number > 0 && number.isFinite) else { return }
    throw ValidationError("\(name) is \(number); expected \(what) above 0.")
  }
}
