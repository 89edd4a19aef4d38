// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// The options of a command, as ArgumentParser describes them.
struct OptionList {
  struct Entry: Decodable {
    struct Name: Decodable {
      var kind: String
      var name: String

      var spelled: String { (kind == "long" ? "--" : "-") + name }
    }

    var kind: String
    var parsingStrategy: String?
    var isRepeating: Bool?
    var names: [Name]?

    var takesValue: Bool { kind == "option" }
    /// Whether its value may look like an option.
    var takesAnything: Bool { parsingStrategy == "unconditional" }
  }

  private struct Tool: Decodable {
    struct Command: Decodable { var arguments: [Entry]? }
    var command: Command
  }

  private var entries: [String: Entry] = [:]
  /// All names with their dashes, in the order of the help.
  private(set) var names: [String] = []

  init(_ command: any ParsableCommand.Type) {
    let tool = try? JSONDecoder().decode(Tool.self, from: Data(command._dumpHelp().utf8))
    for entry in tool?.command.arguments ?? [] {
      for name in entry.names ?? [] {
        entries[name.spelled] = entry
        names.append(name.spelled)
      }
    }
    let everywhere = [
      "-h", "--help", "--help-hidden", "--version", "--generate-completion-script",
      "--experimental-dump-help",
    ]
    for name in everywhere where entries[name] == nil {
      entries[name] = Entry(kind: "flag")
    }
  }

  subscript(name: String) -> Entry? { entries[name] }

  /// The option that a library's setting is: `--shard-size` of `shardSize`; nil where there is none.
  func option(of setting: String) -> String? {
    guard !setting.isEmpty, setting.allSatisfy({ $0.isASCII && $0.isLetter }) else { return nil }
    let name = "--" + GrowthParameter.word(setting, .option)
    return entries[name] == nil ? nil : name
  }

  /// The options that are given more than once, of which only the last counts.
  ///
  /// - Parameter arguments: the words behind the command's name.
  func repeated(in arguments: ArraySlice<String>) -> [String] {
    var words = arguments
    var seen: [String: Int] = [:]
    var result: [String] = []
    while let word = words.popFirst(), word != "--" {
      let name = word.hasPrefix("--") ? String(word.prefix { $0 != "=" }) : word
      guard let entry = entries[name] else { continue }
      if entry.takesValue, entry.takesAnything, !word.contains("=") { words = words.dropFirst() }
      guard entry.takesValue, entry.isRepeating == false, let first = entry.names?.first?.spelled
      else { continue }
      seen[first, default: 0] += 1
      if seen[first] == 2 { result.append(name) }
    }
    return result
  }
}
