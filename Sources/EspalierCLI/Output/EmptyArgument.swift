// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// Refuses arguments without a character, as a shell makes of `"$RUN"` where the variable is not set.
///
/// As a path each would stand for the present directory, which nobody meant.
enum EmptyArgument {
  /// Options whose values are texts, which may be empty or are told of by the command itself.
  private static let texts: Set = ["--prompt", "--stop", "--set"]

  static func check(_ arguments: [String]) throws {
    for (index, argument) in arguments.enumerated() {
      let option = index > 0 ? arguments[index - 1] : ""
      if argument.isEmpty, !texts.contains(option) {
        throw refusal(option.hasPrefix("-") ? "The value of \(option)" : "Argument \(index + 1)")
      }
      let name = String(argument.dropLast())
      if argument.hasPrefix("-"), argument.hasSuffix("="), !texts.contains(name) {
        throw refusal("The value of \(name)")
      }
    }
  }

  private static func refusal(_ place: String) -> ValidationError {
    ValidationError("\(place) is empty; expected a value. Is a variable of the shell not set?")
  }
}
