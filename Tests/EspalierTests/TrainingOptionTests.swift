// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

@Suite("Commands that train")
struct TrainingOptionTests {
  @Test("usage lines name the command that was called", arguments: ["run", "train"])
  func usage(command: String) throws {
    let place = try CommandWorkplace()
    let help = try BuiltCommand.run([command, "--help"], in: place.url)
    #expect(help.output.contains("USAGE: espalier \(command) [<options>]"), "\(help.output)")
    let wrong = try BuiltCommand.run([command, "--nonsense"], in: place.url)
    #expect(wrong.status == 64)
    #expect(wrong.errors.contains("Usage: espalier \(command) [<options>]"), "\(wrong.errors)")
    #expect(wrong.errors.contains("'espalier \(command) --help'"), "\(wrong.errors)")
    let anew = try BuiltCommand.run(
      [command, "recipe.yaml", "-o", "run", "--from-beginning"], in: place.url)
    #expect(anew.status == 64)
  }

  @Test("a run that ends small has an outcome and an exit code of its own")
  func endedSmall() throws {
    let place = try CommandWorkplace(recipe: .staged)
    let stages =
      "stages=[{model: {layers: 1, hidden: 8}, until: {slope: -1e-9, atLatest: none}}, {}]"
    let result = try BuiltCommand.run(
      ["run", "recipe.yaml", "-o", "run", "--set", stages, "--json"], in: place.url)
    #expect(result.status == 3, "\(result.errors)")
    let summary = try JSONDecoder().decode(
      TrainingRunSummary.self, from: Data(result.output.utf8))
    #expect(summary.outcome == .endedSmall && summary.stage == 1 && summary.stageCount == 2)
    let again = try BuiltCommand.run(["run", "-o", "run", "--resume"], in: place.url)
    #expect(again.status == 3)
    #expect(again.output.contains("Ended small, in stage 1 of 2"))
  }

  @Test("no message has Foundation's words in it")
  func foundationWords() throws {
    let place = try CommandWorkplace()
    let training = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "run", "--set", "stop.after=2 steps", "--quiet"],
      in: place.url)
    #expect(training.status == 0, "\(training.errors)")
    try Data("text".utf8).write(to: place.url.appending(path: "file"))
    try Data("{\"kind\": 3".utf8).write(to: place.url.appending(path: "broken.json"))
    let copy = place.url.appending(path: "copy")
    try FileManager.default.copyItem(at: place.run("run").url, to: copy)
    try Data("{\"formatVersion\": \"one\"}".utf8).write(to: copy.appending(path: "run.json"))
    for arguments in [
      ["train", "recipe.yaml", "-o", "file"],
      ["train", "recipe.yaml", "-o", "file/below"],
      ["train", "recipe.yaml", "-o", "/proc/none/run"],
      ["train", "recipe.yaml", "-o", "a", "--from", "file"],
      ["train", "recipe.yaml", "-o", "b", "--from", "nowhere"],
      ["train", "recipe.yaml", "-o", "c", "--set", "data=nowhere"],
      ["train", "recipe.yaml", "-o", "d", "--set", "data.train=nowhere.txt"],
      ["train", "recipe.yaml", "-o", "e", "--set", "tokenizer={kind: file, path: broken.json}"],
      ["train", "nowhere.yaml", "-o", "f"], ["train", ".", "-o", "g"],
      ["train", "-o", "copy", "--resume"], ["inspect", "copy"], ["inspect", "file"],
      ["report", "run", "-o", "/proc/none/report.html"], ["report", "run", "--charts", "file"],
      ["evaluate", "run", "--text", "nowhere.txt"], ["evaluate", "run", "--data", "nowhere"],
      ["evaluate", "file", "--text", "corpus.txt"],
      ["generate", "run", "--prompt-file", "nowhere"], ["generate", "run", "--prompt-file", "."],
      ["generate", "run", "--tokens", "1", "--pieces", "broken.json"],
      ["grow", "run", "--to", "nowhere.json", "-o", "h"],
      ["grow", "run", "--to", "broken.json", "-o", "i"],
      ["grow", "run", "--width", "2", "-o", "/proc/none/grown"],
      ["verify", "run", "file"], ["plan", "--target", "nowhere.yaml"],
      ["prepare", "nowhere.txt", "-o", "j"], ["prepare", "corpus.txt", "-o", "/proc/none/tokens"],
    ] {
      let result = try BuiltCommand.run(arguments, in: place.url)
      #expect(result.status != 0, "\(arguments)")
      for word in [
        "NSCocoa", "NSPOSIX", "DecodingError", "Error Domain", "couldn’t", "UserInfo",
        "dataCorrupted", "typeMismatch", "keyNotFound", "cause:", "The operation", "The file",
      ] {
        #expect(
          !(result.errors + result.output).contains(word), "\(arguments): \(result.errors)")
      }
    }
  }

  /// The system may give fewer threads than were asked for.
  @Test("a limit on OpenMP's threads is a number of threads", arguments: ["fp32", "bf16"])
  func threadLimit(_ precision: String) throws {
    let place = try CommandWorkplace()
    let train = "espalier train recipe.yaml --quiet --set precision=\(precision)"
    let result = try BuiltCommand.shell(
      """
      set -e
      unset OMP_THREAD_LIMIT
      \(train) --threads 1 -o free --set stop.after='6 steps'
      export OMP_THREAD_LIMIT=1
      \(train) --threads 2 -o limited --set stop.after='6 steps'
      for file in model optimizer; do
        cmp free/checkpoints/latest/$file.safetensors limited/checkpoints/latest/$file.safetensors
      done
      """, in: place.url)
    #expect(result.status == 0, "\(result.errors) \(result.output)")
  }
}
