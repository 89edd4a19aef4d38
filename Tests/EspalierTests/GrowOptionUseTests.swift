// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

@Suite("Options of espalier grow that do nothing, or too much")
struct GrowOptionUseTests {
  @Test("the same word twice is one word")
  func saidTwice() throws {
    let place = try CommandWorkplace.trained()
    for words in [
      ["--operator", "copy", "--block", "copy"],
      ["--operator", "identity-by-norm", "--block", "identityByNorm"],
      ["--operator", "copy", "--operator", "copy"],
    ] {
      let result = try place.grow(["run", "--depth", "2", "--dry-run"] + words)
      #expect(result.status == 0, "\(words): \(result.errors)")
    }
  }

  @Test("on the way to a config.json, what speaks of a size that stays is refused")
  func uselessOnTheWay() throws {
    let place = try CommandWorkplace.trained()
    let grown = try place.grow(["run", "-o", "deep", "--depth", "2", "--weights-only"])
    #expect(grown.status == 0, "\(grown.errors)")
    let to = ["run", "-o", "large", "--to", "deep/config.json"]
    for (option, value) in [
      ("--noise", "5"), ("--form", "divided"), ("--units", "new"), ("--positions", "extended"),
      ("--learning-rates", "target"),
    ] {
      let result = try place.grow(to + [option, value])
      #expect(result.status == 64, "\(option): \(result.errors)")
      #expect(
        result.errors.contains("\(option): speaks of ")
          && result.errors.contains("nothing of that grows on the way to the model"),
        "\(option): \(result.errors)")
    }
    let result = try place.grow(to + ["--block", "copy", "--placement", "appended"])
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test("a rate that rises again for longer than the training lasts is told, and refused later")
  func endlessRise() throws {
    let place = try CommandWorkplace.trained()
    // Of four steps two are left.
    let source = "run/checkpoints/step-00000002"
    let arguments = [source, "-o", "large", "--width", "2", "--schedule", "keep", "--rewarmup"]
    let long = try place.grow(arguments + ["900 steps"])
    #expect(long.status == 0, "\(long.errors)")
    #expect(
      long.output.contains(
        "the learning rate rises again to step 902, and the training as this checkpoint has it ends at step 4"
      ), "\(long.output)")
    let recipe = try String(contentsOf: place.url.appending(path: "recipe.yaml"), encoding: .utf8)
    try Data(recipe.replacing(/model: .*\n/, with: "").utf8).write(
      to: place.url.appending(path: "next.yaml"))
    let next = try BuiltCommand.run(
      ["train", "next.yaml", "-o", "next", "--continue-from", "large"], in: place.url)
    #expect(next.status == 1)
    #expect(
      next.errors.contains(
        "rises again after its growth, to step 902, and the run ends at step 40"),
      "\(next.errors)")
    #expect(next.errors.contains("grow with less --rewarmup"))
    try FileManager.default.removeItem(at: place.url.appending(path: "large"))
    let short = try place.grow(arguments + ["2 steps"])
    #expect(short.status == 0 && !short.output.contains("rises again"), "\(short.output)")
    try FileManager.default.removeItem(at: place.url.appending(path: "large"))
    let operations = try place.grow(arguments + ["1e14 FLOPs", "--dry-run"])
    #expect(operations.output.contains("the learning rate rises again to step"), "\(operations)")
    // After the training's end nobody knows how long the next one is, but one as long would not do.
    let ended = try place.grow(["run", "--width", "2", "--rewarmup", "900 steps", "--dry-run"])
    #expect(
      ended.output.contains("came to its end, and the learning rate rises again for 900 steps"),
      "\(ended)")
    let brief = try place.grow(["run", "--width", "2", "--rewarmup", "1 steps", "--dry-run"])
    #expect(brief.status == 0 && !brief.output.contains("rises again"), "\(brief.output)")
  }

  @Test("inspect tells how new entries are trained")
  func inspectedMarks() throws {
    let place = try CommandWorkplace.trained()
    let grown = try place.grow([
      "run", "-o", "large", "--width", "2", "--new-rate", "1.3", "--moments", "reset-new",
    ])
    #expect(grown.status == 0, "\(grown.errors)")
    let text = try BuiltCommand.run(["inspect", "large"], in: place.url)
    #expect(
      text.output.contains(
        "grown 0 steps ago: 1.30 times the learning rate, going to 1 at step 250"),
      "\(text.output)")
    #expect(text.output.contains("their moments began at zero"))
    let small = try BuiltCommand.run(["inspect", "run/checkpoints/step-00000004"], in: place.url)
    #expect(small.status == 0 && !small.output.contains("new entries"))
  }
}
