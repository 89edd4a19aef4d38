// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation
import XLAEngine

@main
struct EspalierCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "espalier",
    abstract: "Train transformer language models in stages.",
    discussion: """
      Examples:
        espalier train --example > recipe.yaml
        espalier train recipe.yaml -o runs/first
        espalier inspect runs/first

      `espalier help <subcommand>` explains each command, with examples.
      """,
    version: ProgramVersion.current,
    subcommands: [
      PrepareCommand.self,
      TrainCommand.self,
      GrowCommand.self,
      VerifyCommand.self,
      ExportCommand.self,
      ImportCommand.self,
      FamiliesCommand.self,
      EnginesCommand.self,
      PlanCommand.self,
      RunCommand.self,
      CompareCommand.self,
      ReportCommand.self,
      EvaluateCommand.self,
      GenerateCommand.self,
      InspectCommand.self,
    ])

  static func main() async {
    _ = InheritedSignals.ignored
    ThreadWaiting.shorten()
    StandardStream.reserve()
    guard !StandardStream.lacksFiles else {
      try? StandardStream.standardError.write(
        "Error: too many files are open; raise the limit (`ulimit -n`)\n")
      Foundation.exit(EXIT_FAILURE)
    }
    let arguments = CommandLine.arguments.dropFirst()
    if arguments.count == 2, arguments.first == PluginTrial.word, let path = arguments.last {
      return PluginTrial.answer(path)
    }
    await CommandRun.run(Array(CommandLine.arguments.dropFirst()))
  }
}
