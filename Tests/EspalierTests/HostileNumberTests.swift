// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

/// Numbers that no run has: whatever a log or a state says, a command answers or refuses, and never
/// traps.
@Suite("Hostile numbers", .serialized)
struct HostileNumberTests {
  static let numbers = [
    "1e300", "-1e300", "1.7976931348623157e308", "-1.7976931348623157e308", "1e-320", "5e-324",
    "-5e-324", "0", "-0.0", "9223372036854775807", "-9223372036854775808",
    "18446744073709551616", "1e19", "null",
  ]

  private static func log(_ key: String, _ number: String) -> String {
    (1...12).map { step -> String in
      func field(_ name: String, _ value: String) -> String {
        name == key && step % 3 == 0 ? "\"\(name)\":\(number)" : "\"\(name)\":\(value)"
      }
      let shared = [
        field("step", "\(step)"), field("tokens", "\(step * 64)"), field("flops", "\(step)e6"),
        field("seconds", "\(step)"),
      ]
      let training =
        [
          "\"kind\":\"step\"", field("loss", "\(6 - 0.1 * Double(step))"),
          field("learningRate", "1e-3"), field("gradientNorm", "1.5"), field("sequences", "4"),
          field("sequenceLength", "16"),
        ] + shared
      let validation =
        [
          "\"kind\":\"evaluation\"", field("validationLoss", "\(6 - 0.1 * Double(step))"),
          field("targets", "64"),
        ] + shared
      return [training, validation].map { "{\($0.joined(separator: ","))}\n" }.joined()
    }.joined()
  }

  private func run(_ arguments: [String], in place: CommandWorkplace) throws -> BuiltCommand.Result
  {
    let result = try BuiltCommand.run(arguments, in: place.url)
    #expect(!result.endedBySignal, "\(arguments): signal \(result.status)")
    let isAnswered = try result.status == 0 || isTold(result, arguments)
    #expect(isAnswered, "\(arguments): \(result)")
    // No line of hundreds of digits.
    #expect(!(result.output + result.errors).contains(/\d{60}/), "\(arguments)")
    return result
  }

  /// Whether a failure is told: on standard error, or, where an inspection finds damage, in its result.
  private func isTold(_ result: BuiltCommand.Result, _ arguments: [String]) throws -> Bool {
    if result.errors.hasPrefix("Error: ") { return true }
    guard arguments.first == "inspect" else { return false }
    guard arguments.contains("--json") else { return result.output.contains("DAMAGED") }
    return Self.hasProblems(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)))
  }

  /// Whether any list of problems in a JSON value, such as a run's or its checkpoints', holds one.
  private static func hasProblems(_ value: Any) -> Bool {
    if let list = value as? [Any] { return list.contains(where: hasProblems) }
    guard let object = value as? [String: Any] else { return false }
    let problems = object["problems"] as? [String] ?? []
    return !problems.isEmpty && problems.allSatisfy { !$0.isEmpty }
      || object.values.contains(where: hasProblems)
  }

  @Test(
    "in a log",
    arguments: [
      "step", "tokens", "flops", "seconds", "loss", "validationLoss", "learningRate",
      "gradientNorm", "sequences", "targets",
    ])
  func log(key: String) throws {
    let place = try CommandWorkplace()
    for name in ["run", "other"] {
      let result = try BuiltCommand.run(
        ["train", "recipe.yaml", "-o", name, "--quiet", "--set", "stop.after=2 steps"],
        in: place.url)
      #expect(result.status == 0, "\(result.errors)")
    }
    for number in Self.numbers {
      try Data(Self.log(key, number).utf8).write(to: place.run("run").log)
      _ = try run(["inspect", "run"], in: place)
      _ = try run(["inspect", "run", "--json"], in: place)
      let page = try run(["report", "run", "--charts", "figures"], in: place)
      // What is no count of steps is refused; any other number is drawn.
      let isCount = ["step", "tokens", "sequences", "targets"].contains(key)
      if !isCount { #expect(page.status == 0, "\(key) \(number): \(page.errors)") }
      for over in ["compute", "steps", "seconds"] {
        _ = try run(["report", "run", "--terminal", "--over", over], in: place)
      }
      _ = try run(["compare", "run", "--against", "other", "--force"], in: place)
      _ = try run(["compare", "other", "--against", "run", "--force", "--json"], in: place)
      _ = try run(["plan", "--target", "recipe.yaml", "--fit", "run", "other"], in: place)
    }
  }

  @Test("in the state of a training")
  func state() throws {
    let place = try CommandWorkplace()
    let training = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "run", "--quiet", "--set", "stop.after=2 steps"],
      in: place.url)
    #expect(training.status == 0, "\(training.errors)")
    let checkpoint = CheckpointStore(place.run("run").checkpoints).url(step: 2)
    let file = checkpoint.appending(path: "training_state.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    for key in ["steps", "tokens", "seconds", "floatingPointOperations", "sequences", "accumulate"]
    {
      for number in Self.numbers {
        let changed = text.replacing(
          try Regex("\"\(key)\" : [-0-9.e+]+"), with: "\"\(key)\" : \(number)")
        #expect(changed != text || number == "0")
        try Data(changed.utf8).write(to: file)
        let inspection = try run(["inspect", checkpoint.path, "--no-verify"], in: place)
        #expect(
          inspection.status == 0
            || (inspection.output + inspection.errors).contains("training_state.json"),
          "\(inspection)")
        _ = try run(["inspect", "run", "--json"], in: place)
      }
    }
  }

  @Test("in options and curves")
  func options() throws {
    let place = try CommandWorkplace()
    for number in Self.numbers where number != "null" {
      try Data("step,loss,flops\n10,3,1e9\n20,\(number),2e9\n30,2.5,3e9\n40,2.4,\(number)\n".utf8)
        .write(to: place.url.appending(path: "small.csv"))
      try Data("step,loss\n10,3\n20,2.9\n\(number),2.5\n".utf8)
        .write(to: place.url.appending(path: "large.csv"))
      for option in ["--tokens-per-step", "--loss", "--compute", "--first-step", "--seed"] {
        _ = try run(["plan", "--target", "recipe.yaml", option, number], in: place)
      }
      let curves = ["plan", "curves", "small.csv", "large.csv"]
      for (parameters, tokens, threshold) in [
        (["1e6", "4e6"], "4096", number), (["1e6", number], "4096", "depth"),
        (["1e6", "4e6"], number, "depth"), (["1e6", "4e6"], "4096", "-0.05"),
      ] {
        _ = try run(
          curves + ["--parameters"] + parameters + [
            "--tokens-per-step", tokens, "--threshold", threshold,
          ], in: place)
      }
      _ = try run(["compare", "a", "--against", "b", "--loss", number], in: place)
      _ = try run(["generate", "m", "--temperature", number, "--top-p", number], in: place)
      _ = try run(["grow", "m", "-o", "n", "--width", "2", "--noise", number], in: place)
      _ = try run(["grow", "m", "-o", "n", "--depth", number], in: place)
      _ = try run(["verify", "a", "b", "--learning-rate", number], in: place)
      _ = try run(
        ["plan", "pilot", "--target", "recipe.yaml", "-o", "p", "--ratio", number, "--dry-run"],
        in: place)
    }
  }

  @Test("a pipe in a log's place is refused at once")
  func pipes() throws {
    let place = try CommandWorkplace()
    let training = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "run", "--quiet", "--set", "stop.after=2 steps"],
      in: place.url)
    #expect(training.status == 0, "\(training.errors)")
    for name in ["log.jsonl", "run.json", "recipe.yaml"] {
      let file = place.url.appending(path: "run/\(name)").path
      let old = try Data(contentsOf: URL(filePath: file))
      try FileManager.default.removeItem(atPath: file)
      mkfifo(file, 0o600)
      for arguments in [
        ["inspect", "run"], ["report", "run"], ["compare", "run", "--against", "run"],
        ["train", "-o", "run", "--resume"], ["plan", "--target", "recipe.yaml", "--fit", "run"],
      ] {
        let result = try run(arguments, in: place)
        #expect(result.status == 1)
        // An inspection of what else is there tells it among the findings.
        #expect((result.errors + result.output).contains("is a pipe, not a file"), "\(result)")
      }
      try FileManager.default.removeItem(atPath: file)
      try old.write(to: URL(filePath: file))
    }
  }

  @Test("a pipe in a small file's place is refused at once, by name")
  func pipesOfModels() throws {
    let place = try CommandWorkplace()
    let training = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "run", "--quiet", "--set", "stop.after=2 steps"],
      in: place.url)
    #expect(training.status == 0, "\(training.errors)")
    let grown = try BuiltCommand.run(
      ["grow", "run", "-o", "grown", "--depth", "2", "--quiet"], in: place.url)
    #expect(grown.status == 0, "\(grown.errors)")
    mkfifo(place.url.appending(path: "pipe").path, 0o600)
    for arguments in [
      ["grow", "grown", "-o", "x", "--family", "pipe", "--depth", "2"],
      ["grow", "grown", "--recipe", "pipe", "-o", "x"],
      ["import", "grown", "--optimizer", "pipe", "-o", "x"],
    ] {
      let result = try run(arguments, in: place)
      #expect(result.status != 0 && result.errors.contains("pipe"), "\(arguments) \(result)")
    }
    for name in ["config.json", "tokenizer.json", "growth.json"] {
      let file = place.url.appending(path: "grown/\(name)").path
      let old = try Data(contentsOf: URL(filePath: file))
      try FileManager.default.removeItem(atPath: file)
      mkfifo(file, 0o600)
      for arguments in [
        ["inspect", "grown"], ["grow", "grown", "-o", "y", "--depth", "2"],
        ["generate", "grown", "--prompt", "a", "--length", "1"],
        ["verify", "run", "grown"],
      ] {
        // What a command does not need of the directory is nothing to it; none waits.
        _ = try run(arguments, in: place)
        try? FileManager.default.removeItem(at: place.url.appending(path: "y"))
      }
      let generated = try run(["generate", "grown", "--prompt", "a", "--length", "1"], in: place)
      #expect(
        name == "growth.json" || generated.errors.contains("\(name): not a regular file"),
        "\(name) \(generated)")
      try FileManager.default.removeItem(atPath: file)
      try old.write(to: URL(filePath: file))
    }
  }
}
