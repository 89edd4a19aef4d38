// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import GoldenModels
import Testing

/// Runs of the command on XLA's plugin for CPUs.
@Suite(
  "Runs on XLA", .serialized,
  .enabled(if: InstalledPlugin.path != nil, Comment(rawValue: InstalledPlugin.advice)))
struct AcceleratorRunTests {
  private let plugin: String

  init() throws { plugin = try #require(InstalledPlugin.path) }

  private func finish(
    _ place: CommandWorkplace, _ name: String, _ options: [String]
  ) throws {
    let result = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", name, "--quiet"] + options, in: place.url)
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test("a staged run with two growths has the CPU engine's losses, and killed it has its own bits")
  func staged() throws {
    let place = try CommandWorkplace(recipe: .staged)
    try finish(place, "cpu", ["--threads", "1"])
    try finish(place, "unbroken", ["--plugin", plugin])
    let (cpu, xla) = (try place.loggedSteps("cpu"), try place.loggedSteps("unbroken"))
    #expect(xla.map(\.step) == cpu.map(\.step) && xla.map(\.step).starts(with: 1...40))
    for (ours, theirs) in zip(xla, cpu) {
      #expect(abs(ours.loss - theirs.loss) <= 1e-4 * theirs.loss, "step \(ours.step)")
    }
    #expect(try place.growths("unbroken").count == 2)

    // Killed in each stage; the run remembers its engine.
    for goal in [4, 17, 33] {
      let way = place.run("broken").holdsRun ? ["--resume"] : ["recipe.yaml", "--plugin", plugin]
      let command = try BuiltCommand(
        ["train", "-o", "broken", "--quiet"] + way, in: place.url)
      while command.isRunning, place.stepsSoFar("broken") < goal { usleep(500) }
      command.send(SIGKILL)
      #expect(try command.wait().endedBySignal)
    }
    let result = try BuiltCommand.run(
      ["train", "-o", "broken", "--quiet", "--resume"], in: place.url)
    #expect(result.status == 0, "\(result.errors)")
    #expect(try place.loggedSteps("broken") == xla)
    #expect(try place.loggedEvaluations("broken") == place.loggedEvaluations("unbroken"))
    #expect(try place.lastTensors("broken") == place.lastTensors("unbroken"))
  }

  @Test("evaluate and generate take the engine, too")
  func inference() throws {
    let place = try CommandWorkplace()
    try finish(place, "run", ["--plugin", plugin, "--set", "stop={after: 4 steps}"])
    let commands = [
      ["generate", "run", "--prompt", "the tree", "--length", "12", "--temperature", "0"],
      ["evaluate", "run", "--text", "corpus.txt", "--json"],
    ]
    var outputs: [[String]] = []
    for arguments in commands {
      let results = try [["--threads", "1"], ["--plugin", plugin]].map {
        try BuiltCommand.run(arguments + $0, in: place.url)
      }
      for result in results { #expect(result.status == 0, "\(result.errors)") }
      outputs.append(results.map(\.output))
    }
    #expect(outputs[0][0] == outputs[0][1] && !outputs[0][0].isEmpty)
  }

  @Test("a plugin that cannot be opened leaves no run behind")
  func missing() throws {
    let place = try CommandWorkplace()
    let result = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "run", "--plugin", "nowhere.so"], in: place.url)
    #expect(result.status == 1 && !place.run("run").holdsRun)
    try finish(place, "run", ["--plugin", plugin, "--set", "stop={after: 1 steps}"])
  }

  @Test("engines lists the plugin with its devices")
  func list() throws {
    let place = try CommandWorkplace()
    let result = try BuiltCommand.shell(
      "export ESPALIER_PJRT_PLUGIN='\(plugin)'; espalier engines", in: place.url)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("xla:cpu") && result.output.contains(" of kind "))
  }
}
