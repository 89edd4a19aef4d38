// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier

/// The first option of a command line that its command does not have.
///
/// ArgumentParser tells first of what is missing, also where that is what the misspelt option was to give.
struct UnknownOption {
  /// The command that has no such option.
  let command: any ParsableCommand.Type
  /// The option as it was written, without a value.
  let name: String

  /// What other tools call ours, by the command; no name for all commands.
  private static let synonyms: [(command: String, names: [String], option: String)] = [
    (
      "generate",
      ["max-new-tokens", "max-tokens", "max-length", "n-predict", "num-tokens", "new-tokens", "n"],
      "--length"
    ),
    ("generate", ["num-return-sequences", "num-samples", "samples", "n-samples"], "--count"),
    ("generate", ["temp"], "--temperature"), ("generate", ["text", "input"], "--prompt"),
    ("generate", ["no-repeat-ngram-size"], "--no-repeat-size"),
    ("grow", ["intermediate-size", "ffn-size", "mlp"], "--ffn"),
    ("grow", ["num-layers", "n-layer", "num-hidden-layers"], "--layers"),
    ("grow", ["hidden-size", "n-embd", "d-model", "dim"], "--hidden"),
    ("grow", ["num-heads", "n-head", "num-attention-heads"], "--heads"),
    ("grow", ["vocab", "vocab-size"], "--vocabulary"), ("grow", ["target", "config"], "--to"),
    ("prepare", ["vocab", "vocab-size"], "--vocabulary"), ("plan", ["vocab-size"], "--vocabulary"),
    ("plan", ["recipe", "model", "config"], "--target"),
    ("train", ["checkpoint", "init-from", "pretrained", "model"], "--from"),
    ("run", ["checkpoint", "init-from", "pretrained", "model"], "--from"),
    ("evaluate", ["dataset"], "--data"), ("evaluate", ["batch-size"], "--batch"),
    (
      "", ["output-dir", "out-dir", "out", "save-dir", "output-directory", "destination"],
      "--output"
    ),
    ("", ["device", "backend", "accelerator"], "--engine"),
    ("", ["num-threads", "jobs", "workers", "num-workers"], "--threads"),
    ("", ["silent"], "--quiet"), ("", ["overwrite", "yes"], "--force"),
  ]

  /// Looks for one.
  ///
  /// - Parameter arguments: the words after `espalier`.
  /// - Returns: nil where all are known.
  init?(in arguments: [String]) {
    var words = arguments[...]
    if words.first == "help" { return nil }
    var command: any ParsableCommand.Type = EspalierCommand.self
    while let word = words.first,
      let part = command.configuration.subcommands.first(where: {
        $0.configuration.commandName == word
      })
    {
      command = part
      words.removeFirst()
    }
    // A word that names no command is what is wrong.
    if let word = words.first, !word.hasPrefix("-"), !command.configuration.subcommands.isEmpty {
      return nil
    }
    command = command.configuration.defaultSubcommand ?? command
    guard let name = Self.first(in: words, of: OptionList(command)) else { return nil }
    (self.command, self.name) = (command, name)
  }

  /// The first word that is no option, no option's value, and looks like an option.
  private static func first(in words: ArraySlice<String>, of options: OptionList) -> String? {
    var words = words
    // Whether the word before is an option whose value may be this one.
    var awaitsValue = false
    while let word = words.popFirst(), word != "--" {
      let name = word.hasPrefix("--") ? String(word.prefix { $0 != "=" }) : word
      guard word.hasPrefix("-"),
        word.dropFirst().first.map({ !"0123456789.".contains($0) }) ?? false
      else {
        awaitsValue = false
        continue
      }
      guard let option = options[name] else {
        if awaitsValue, !word.hasPrefix("--") {
          awaitsValue = false
          continue
        }
        return name
      }
      let takesNext = option.takesValue && !word.contains("=")
      if takesNext, option.takesAnything { words = words.dropFirst() }
      awaitsValue = takesNext && !option.takesAnything
    }
    return nil
  }

  /// What is said of it.
  var message: String {
    let options = OptionList(command)
    let word = String(name.drop { $0 == "-" })
    let plain = word.lowercased().replacing("_", with: "-")
    let own = command.configuration.commandName ?? ""
    let known = Self.synonyms.first {
      ($0.command.isEmpty || $0.command == own || own == "stages" && $0.command == "plan")
        && $0.names.contains(plain) && options[$0.option] != nil
    }
    let names = options.names.filter { $0.hasPrefix("--") }.map { String($0.dropFirst(2)) }
    // A single letter is the beginning of a name.
    let begun = word.count == 1 ? names.filter { $0.hasPrefix(word) } : []
    let near =
      word.count > 1
      ? NearestName.of(plain, among: names) : begun.count == 1 ? begun.first : nil
    let meant = known?.option ?? near.map { "--\($0)" }
    return "Unknown option '\(name)'" + (meant.map { ". Did you mean '\($0)'?" } ?? "")
  }
}
