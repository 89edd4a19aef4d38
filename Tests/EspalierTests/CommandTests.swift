// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

@Suite("The command", .serialized)
struct CommandTests {
  @Test("train, its JSON, and inspect")
  func trainAndInspect() throws {
    let place = try CommandWorkplace()
    let arguments = ["train", "recipe.yaml", "-o", "run", "--set", "stop.after=3 steps"]
    let training = try BuiltCommand.run(arguments + ["--json"], in: place.url)
    #expect(training.status == 0, "\(training.errors)")
    let summary = try JSONDecoder().decode(
      TrainingRunSummary.self, from: Data(training.output.utf8))
    #expect(summary.outcome == .finished)
    #expect(summary.steps == 3)
    #expect(summary.checkpoint == CheckpointStore(place.run("run").checkpoints).url(step: 3).path)
    #expect(training.errors.contains("saved step-00000003"))

    let again = try BuiltCommand.run(arguments, in: place.url)
    #expect(again.status == 1)
    #expect(again.errors.contains("there is a run here already; continue it with --resume"))

    let inspection = try BuiltCommand.run(["inspect", "run", "--json"], in: place.url)
    #expect(inspection.status == 0)
    let object = try JSONSerialization.jsonObject(with: Data(inspection.output.utf8))
    let fields = try #require(object as? [String: Any])
    #expect(fields["kind"] as? String == "run")
    #expect(fields["steps"] as? Int == 3)

    let text = try BuiltCommand.run(["inspect", "run/checkpoints/step-00000003"], in: place.url)
    #expect(text.status == 0)
    #expect(text.output.contains("checksums   all right"))
  }

  @Test("train says how much of the text it validates on, and goes back to a step")
  func validationShareAndResumeFrom() throws {
    let place = try CommandWorkplace()
    func run(_ arguments: [String]) throws -> String {
      let result = try BuiltCommand.run(arguments, in: place.url)
      #expect(result.status == 0, "\(result.errors)")
      return result.output
    }
    let begin = ["train", "recipe.yaml", "-o"]
    let all = try run(begin + ["run", "--set", "stop.after=5 steps", "--set", "evaluate={}"])
    #expect(all.contains(#/step 5  validation loss .*  all \d+ tokens/#))
    let part = try run(
      begin + ["part", "--set", "stop.after=1 steps", "--set", "evaluate={batches: 1}"])
    #expect(part.contains(#/validation loss .*  64 of \d+ tokens/#))

    let back = try run(["train", "-o", "run", "--resume-from", "4"])
    #expect(back.contains("Going back to step 4; what came after it is kept in"))
    #expect(back.contains("resuming  at step 4, from step-00000004"))
    let latest = try run(["evaluate", "run/checkpoints/latest", "--text", "corpus.txt", "--json"])
    #expect(latest.contains("run/checkpoints/step-00000005"))

    let missing = try BuiltCommand.run(
      ["train", "-o", "run", "--resume-from", "77"], in: place.url)
    #expect(missing.status == 1)
    #expect(missing.errors.contains("there is no checkpoint of step 77; those there are have"))
  }

  @Test("inspect tells damage by its exit code")
  func damage() throws {
    let place = try CommandWorkplace()
    let training = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "run", "--set", "stop.after=1 steps", "--quiet"],
      in: place.url)
    #expect(training.status == 0, "\(training.errors)")
    #expect(training.output.isEmpty)
    let checkpoint = CheckpointStore(place.run("run").checkpoints).url(step: 1)
    try Data("{}".utf8).write(to: checkpoint.appending(path: "tokenizer.json"))
    let result = try BuiltCommand.run(["inspect", checkpoint.path], in: place.url)
    #expect(result.status == 1)
    #expect(result.output.contains("DAMAGED"))
    #expect(result.output.contains("tokenizer.json"))
  }

  @Test("the example is a recipe, and mistakes are told on standard error")
  func exampleAndMistakes() throws {
    let place = try CommandWorkplace()
    let example = try BuiltCommand.run(["train", "--example"], in: place.url)
    #expect(example.status == 0)
    #expect(example.output == Recipe.example)

    let unknown = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "run", "--set", "optimizer.clop=1"], in: place.url)
    #expect(unknown.status == 1)
    #expect(
      unknown.errors
        == "Error: --set optimizer.clop=1: optimizer.clop: unknown key; did you mean clip?\n")
    #expect(!place.run("run").holdsRun)

    for arguments in [
      ["train"], ["train", "recipe.yaml"], ["train", "-o", "run"],
      ["train", "-o", "run", "--resume", "--from", "x"],
      ["train", "recipe.yaml", "-o", "run", "--threads", "0"],
    ] {
      #expect(try BuiltCommand.run(arguments, in: place.url).status == 64, "\(arguments)")
    }
  }

  @Test("every command has a help text with examples")
  func help() throws {
    let place = try CommandWorkplace()
    for command in [
      "prepare", "train", "run", "grow", "verify", "plan", "compare", "report", "evaluate",
      "generate", "inspect",
    ] {
      let result = try BuiltCommand.run([command, "--help"], in: place.url)
      #expect(result.status == 0)
      #expect(result.output.contains("Examples:\n  espalier \(command) "), "\(command)")
    }
  }
}
