// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier

/// Names the command that was probably meant, where there is none of a given name.
package enum CommandSuggestion {
  /// What other tools call ours.
  private static let synonyms = [
    "pretrain": "train", "finetune": "train", "fit": "train", "start": "run", "stage": "run",
    "tokenize": "prepare", "preprocess": "prepare", "data": "prepare", "expand": "grow",
    "upcycle": "grow", "merge": "grow", "scale": "grow", "check": "verify", "prove": "verify",
    "test": "evaluate", "benchmark": "evaluate", "perplexity": "evaluate", "sample": "generate",
    "complete": "generate", "chat": "generate", "info": "inspect", "show": "inspect",
    "list": "families", "models": "families", "diff": "compare", "plot": "report",
    "chart": "report",
  ]

  /// Checks the names of the command and of its part.
  ///
  /// - Throws: `ValidationError` that says what to type.
  package static func check(_ arguments: [String]) throws {
    var command: any ParsableCommand.Type = EspalierCommand.self
    var words = arguments[...]
    if words.first == "help" { words.removeFirst() }
    var path: [String] = []
    while let word = words.first, !word.hasPrefix("-") {
      let parts = command.configuration.subcommands
      guard !parts.isEmpty else { return }
      guard let part = parts.first(where: { name(of: $0) == word }) else {
        if word == "help", path.isEmpty { return }
        throw unknown(word, in: path, among: parts.map(name))
      }
      path.append(word)
      command = part
      words.removeFirst()
    }
  }

  /// The option that does what a word asks for that is no command.
  private static func option(for word: String, in path: [String]) -> String? {
    if path == ["plan"], word.contains(".") || word.contains("/") {
      return "--target \(ShellWord.quoted(word))"
    }
    guard path.isEmpty else { return nil }
    switch word.lowercased() {
    case "version": return "--version"
    case "completion", "completions": return "--generate-completion-script"
    case "example", "init", "new": return "train --example"
    default: return nil
    }
  }

  private static func name(of command: any ParsableCommand.Type) -> String {
    command.configuration.commandName ?? ""
  }

  private static func unknown(
    _ word: String, in path: [String], among names: [String]
  ) -> ValidationError {
    let synonym = synonyms[word.lowercased()].flatMap { names.contains($0) ? $0 : nil }
    let meant = synonym ?? NearestName.of(word, among: names)
    let prefix = (["espalier"] + path).joined(separator: " ")
    let hint =
      (option(for: word, in: path) ?? meant).map { " Did you mean `\(prefix) \($0)`?" } ?? ""
    return ValidationError(
      "There is no command `\(prefix) \(word)`.\(hint) The commands of `\(prefix)` are "
        + "\(names.joined(separator: ", ")).")
  }
}
