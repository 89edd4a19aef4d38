// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

/// One rule for all commands: of a run the newest whole checkpoint, and a word on newer ones.
@Suite("Commands and a damaged newest checkpoint")
struct DamagedCheckpointTests {
  /// A run of four steps, whose newest checkpoint has one bit flipped.
  private func place() throws -> CommandWorkplace {
    let place = try CommandWorkplace()
    let training = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "run", "--set", "stop.after=4 steps", "--quiet"],
      in: place.url)
    #expect(training.status == 0, "\(training.errors)")
    let file = place.run("run").checkpoints.appending(path: "step-00000004/model.safetensors")
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: file)
    return place
  }

  private static let uses = [
    ["evaluate", "run", "--text", "corpus.txt"],
    ["generate", "run", "--prompt", "the", "--greedy", "--length", "2"],
    ["grow", "run", "--width", "2", "-o", "grown"],
    ["grow", "run", "--width", "2", "--dry-run"],
    ["export", "run", "-o", "exported"],
    ["verify", "run", "run", "--float64", "none", "--steps", "1"],
    ["train", "recipe.yaml", "-o", "from", "--from", "run", "--set", "stop.after=2 steps"],
    [
      "train", "recipe.yaml", "-o", "on", "--continue-from", "run", "--set",
      "stop={further: 2 steps}",
    ],
    ["train", "-o", "run", "--resume"],
    ["evaluate", "run/checkpoints", "--text", "corpus.txt"],
  ]

  @Test("the one before is taken, and both standard error and --json say so", arguments: uses)
  func run(arguments: [String]) throws {
    let place = try place()
    let result = try BuiltCommand.run(arguments + ["--json"], in: place.url)
    #expect(result.errors.contains("step-00000004"), "\(result.errors)")
    #expect(result.errors.contains("its SHA-256 is not the manifest's"))
    let report = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
    let passedOver = try #require(report?["passedOver"] as? [[String: Any]])
    #expect((passedOver.first?["checkpoint"] as? String)?.hasSuffix("step-00000004") == true)
    #expect((passedOver.first?["problems"] as? [String])?.count == 1)
  }

  @Test("without --json too, on standard error")
  func plain() throws {
    let place = try place()
    let result = try BuiltCommand.run(
      ["generate", "run", "--prompt", "the", "--greedy", "--length", "2"], in: place.url)
    #expect(result.status == 0)
    #expect(result.errors.contains("warning: the newer checkpoint"))
    #expect(result.errors.contains("using step-00000003, the newest whole one"))
    #expect(!result.output.contains("warning"))
    let from = try BuiltCommand.run(
      [
        "train", "recipe.yaml", "-o", "from", "--from", "run", "--set", "stop.after=1 step",
        "--quiet",
      ], in: place.url)
    #expect(from.errors.contains("step-00000004 is damaged (model.safetensors has changed"))
    #expect(from.errors.contains("the run begins with step-00000003, the newest whole one"))
    let resumed = try BuiltCommand.run(
      ["train", "-o", "run", "--resume", "--quiet"], in: place.url)
    #expect(resumed.errors.contains("warning: damaged checkpoint"))
  }

  @Test(
    "named itself it is refused by all",
    arguments: uses.filter { $0.contains("run") && !$0.contains("--resume") })
  func named(arguments: [String]) throws {
    let place = try place()
    let path = "run/checkpoints/step-00000004"
    let result = try BuiltCommand.run(
      arguments.map { $0 == "run" ? path : $0 }.filter { $0 != "--dry-run" }
        + (arguments.contains("--dry-run") ? ["-o", "elsewhere"] : []), in: place.url)
    #expect(result.status == 1, "\(result.output)")
    #expect(result.errors.contains("model.safetensors has changed"), "\(result.errors)")
  }

  @Test("inspect shows which is in use, and fails")
  func inspect() throws {
    let place = try place()
    let result = try BuiltCommand.run(["inspect", "run"], in: place.url)
    #expect(result.status == 1)
    #expect(result.output.contains("step-00000004  DAMAGED: model.safetensors has changed"))
    #expect(result.output.contains("step-00000003, the newest whole checkpoint"))
  }
}
