// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CheckedInput
import Espalier
import Foundation
import Wording

/// Runs the command that arguments name, and ends the process as it ended.
///
/// ArgumentParser's own `main` prints errors as they are, with whatever control characters they echo,
/// and does not notice that a help text was not written.
package enum CommandRun {
  /// Parses arguments without doing what they say.
  ///
  /// - Returns: what is wrong with them; nil for nothing.
  package static func problem(with arguments: [String]) -> String? {
    do {
      _ = try parse(arguments)
      return nil
    } catch {
      guard !EspalierCommand.exitCode(for: error).isSuccess else { return nil }
      return UnknownOption(in: joined(arguments))?.message
        ?? OptionExpectation.completed(EspalierCommand.message(for: error), command: arguments)
    }
  }

  /// What all commands say of themselves.
  package static var discussions: [String] { discussions(of: EspalierCommand.self) }

  private static func discussions(of command: any ParsableCommand.Type) -> [String] {
    [command.configuration.discussion]
      + command.configuration.subcommands.flatMap { discussions(of: $0) }
  }

  /// Parses, runs and exits.
  static func run(_ arguments: [String]) async -> Never {
    var type: any ParsableCommand.Type = EspalierCommand.self
    var command: any ParsableCommand
    do { command = try parse(arguments) } catch {
      // What is missing may be what was misspelt.
      guard !type.exitCode(for: error).isSuccess,
        let unknown = UnknownOption(in: joined(arguments))
      else { end(type, with: error, arguments) }
      end(unknown.command, with: ValidationError(unknown.message), arguments)
    }
    noteRepeated(joined(arguments), of: Swift.type(of: command))
    do {
      type = Swift.type(of: command)
      if var long = command as? any AsyncParsableCommand {
        try await long.run()
      } else {
        try command.run()
      }
      exit(EXIT_SUCCESS)
    } catch {
      end(type, with: error, arguments)
    }
  }

  /// Tells of options that are given more than once, of which only the last counts.
  private static func noteRepeated(_ words: [String], of command: any ParsableCommand.Type) {
    let names = words.filter { $0.hasPrefix("-") }.map { $0.prefix { $0 != "=" } }
    guard Set(names).count < names.count else { return }
    Note.print(
      OptionList(command).repeated(in: words[...]).map {
        "\($0) is given more than once; the last one counts"
      })
  }

  private static func parse(_ arguments: [String]) throws -> any ParsableCommand {
    try CommandSuggestion.check(arguments)
    try EmptyArgument.check(arguments)
    return try EspalierCommand.parseAsRoot(joined(arguments))
  }

  /// The arguments, with values such as `--- a` joined to their option by an equals sign, since
  /// ArgumentParser knows neither options nor values that begin so.
  private static func joined(_ arguments: [String]) -> [String] {
    let texts: Set = ["--prompt", "--stop", "--text"]
    var result: [String] = []
    for argument in arguments {
      let option = result.last ?? ""
      let isValue =
        argument.hasPrefix("---") && option.hasPrefix("--") && !option.contains("=")
        || argument == "--" && texts.contains(option)
      if isValue { result[result.count - 1] += "=" + argument } else { result.append(argument) }
    }
    return result
  }

  private static func end(
    _ type: any ParsableCommand.Type, with error: any Error, _ arguments: [String]
  ) -> Never {
    if let error = error as? OutputError, error.code == .readerGone,
      !InheritedSignals.ignored.contains(SIGPIPE)
    {
      endAsReaderWent()
    }
    if error is CancellationError { exit(Interruption.exitCode) }
    let code = type.exitCode(for: error)
    let text = OptionExpectation.completed(
      named(type, in: type.fullMessage(for: readable(error, of: type, arguments))),
      command: arguments)
    guard !text.isEmpty else { exit(code.rawValue) }
    guard code.isSuccess else {
      try? StandardStream.standardError.write(shown(text, of: error, arguments))
      exit(code.rawValue)
    }
    // A help text, the version, or a completion script.
    do {
      try StandardStream.standardOutput.write(text.hasSuffix("\n") ? text : text + "\n")
      exit(EXIT_SUCCESS)
    } catch {
      end(type, with: error, arguments)
    }
  }

  /// A message of a part of the command, in which ArgumentParser leaves out what the part is of.
  private static func named(_ type: any ParsableCommand.Type, in text: String) -> String {
    guard let path = path(to: type, in: EspalierCommand.self), path.count > 1 else { return text }
    let (name, whole) = (path[path.count - 1], path.joined(separator: " "))
    return text.replacing("\nUsage: \(name)", with: "\nUsage: \(whole)")
      .replacing("  See '\(name) ", with: "  See '\(whole) ")
  }

  private static func path(
    to type: any ParsableCommand.Type, in command: any ParsableCommand.Type
  ) -> [String]? {
    let name = command.configuration.commandName ?? ""
    if command == type { return [name] }
    return command.configuration.subcommands.lazy.compactMap { path(to: type, in: $0) }.first
      .map { [name] + $0 }
  }

  /// Ends as a process does that nobody taught about pipes: `espalier … | head -1` says nothing.
  private static func endAsReaderWent() -> Never {
    signal(SIGPIPE, SIG_DFL)
    raise(SIGPIPE)
    exit(EXIT_FAILURE)
  }

  private static func shown(
    _ text: String, of error: any Error, _ arguments: [String]
  ) -> String {
    let text = ShownText.escaped(arguments: arguments, in: text)
    // The help and the usage after the first lines are ArgumentParser's own, which speaks of arguments
    // alone; what stands in a file could only look like them.
    let isOfArguments = String(reflecting: Swift.type(of: error)).hasPrefix("ArgumentParser.")
    let own = text.range(of: "\nHelp:  ") ?? text.range(of: "\nUsage: ")
    let end = isOfArguments ? own?.lowerBound ?? text.endIndex : text.endIndex
    return ShownText.escaped(String(text[..<end]), as: .message)
      + ShownText.escaped(String(text[end...]), as: .json) + "\n"
  }

  /// An error in words for users of a command.
  private static func readable(
    _ error: any Error, of command: any ParsableCommand.Type, _ arguments: [String]
  ) -> any Error {
    if let system = Readable(error) { return system }
    // What libraries call a setting by its name is an option here, unless it is a path's name.
    guard var text = (error as? any EspalierError)?.description,
      let subject = (error as? any EspalierError)?.subject, !arguments.contains(subject),
      let option = OptionList(command).option(of: subject)
    else { return error }
    text.replaceSubrange(..<text.index(text.startIndex, offsetBy: subject.count), with: option)
    return Readable(text)
  }

  /// An error of the system, in words for users.
  private struct Readable: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }

    init?(_ error: any Error) {
      let isSystems =
        error is CocoaError || error is POSIXError || error is DecodingError
        || error is EncodingError || type(of: error) == NSError.self
      guard isSystems else { return nil }
      let path = (error as NSError).userInfo[NSFilePathErrorKey] as? String
      description = (path.map { "\($0): " } ?? "") + reason(of: error)
    }
  }
}
