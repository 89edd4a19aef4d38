// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// The options of every command that computes with a model.
struct EngineOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: "Threads to compute with; default all cores. Only equal counts give equal bits.")
  var threads: Int?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads); expected 1 to 1024.")
    }
  }

  /// The engine to compute with.
  ///
  /// - Parameter threads: how many where the command line does not say; nil for all cores.
  func makeEngine(threads others: Int? = nil) -> any TrainingEngine {
    CPUTrainingEngine(threads: threads ?? others)
  }
}

extension Precision: ExpressibleByArgument {
  /// The names, for help texts.
  static var choices: String { allCases.map(\.rawValue).joined(separator: " or ") }
}

/// A word of a command line that can be pasted into a shell.
package enum ShellWord {
  /// The word, in quotes where a shell would otherwise take it apart.
  package static func quoted(_ word: String) -> String {
    let isPlain = word.allSatisfy { $0.isLetter || $0.isNumber || "/._-+,:@%".contains($0) }
    if isPlain, !word.isEmpty { return word }
    let shown = ShownText.escaped(word, as: .line)
    guard shown == word else {
      // bash reads `\n`, `\u001b` and the like between $' and '.
      let literal = word.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
      return "$'\(ShownText.escaped(literal, as: .line))'"
    }
    return "'\(word.replacing("'", with: "'\\''"))'"
  }
}
