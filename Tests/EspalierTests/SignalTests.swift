// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

/// Signals bring a long command to a good end.
@Suite("Signals", .serialized)
struct SignalTests {
  /// Steps that take so long that a busy machine does not finish them before it hears of a signal.
  private static let long = ["--set", "batch.accumulate=100", "--set", "checkpoint=none"]

  private func training(
    _ name: String = "train", in place: CommandWorkplace
  ) throws -> BuiltCommand {
    let command = try BuiltCommand(
      [name, "recipe.yaml", "-o", "run", "--threads", "1"] + Self.long, in: place.url)
    while command.isRunning, place.stepsSoFar("run") < 2 { usleep(500) }
    return command
  }

  @Test(
    "a training saves and says how to go on",
    arguments: [SIGINT, SIGTERM, SIGHUP], ["train", "run"])
  func saves(signal: Int32, name: String) throws {
    let place = try CommandWorkplace()
    let command = try training(name, in: place)
    command.send(signal)
    // A terminal that is gone is told of more than once; it never cuts the save short.
    if signal == SIGHUP {
      usleep(150_000)
      command.send(signal)
    }
    let result = try command.wait()
    #expect(!result.endedBySignal)
    #expect(result.status == 130)
    #expect(result.output.contains("Go on with: espalier \(name) -o run --resume"))
    let steps = place.stepsSoFar("run")
    #expect(try CheckpointStore(place.run("run").checkpoints).list().map(\.step) == [steps])
  }

  @Test("a signal that comes twice at once, as from timeout, counts once")
  func doubled() throws {
    let place = try CommandWorkplace()
    let command = try training(in: place)
    command.send(SIGTERM)
    usleep(5000)
    command.send(SIGTERM)
    let result = try command.wait()
    #expect(result.status == 130)
    #expect(result.output.contains("Go on with:"))
  }

  @Test("a second Ctrl-C ends the process at once")
  func second() throws {
    let place = try CommandWorkplace()
    // The first waits for the end of a batch, which takes seconds here.
    let settings = ["model.hidden=512", "model.layers=8", "batch.sequences=256"]
    let command = try BuiltCommand(
      ["train", "recipe.yaml", "-o", "run", "--threads", "1"] + settings.flatMap { ["--set", $0] },
      in: place.url)
    let log = place.url.appending(path: "run/log.jsonl")
    func hasStarted() -> Bool {
      (try? String(contentsOf: log, encoding: .utf8))?.contains("started") ?? false
    }
    while command.isRunning, !hasStarted() { usleep(500) }
    usleep(100_000)
    command.send(SIGINT)
    usleep(300_000)
    #expect(command.isRunning)
    command.send(SIGINT)
    let result = try command.wait()
    #expect(!result.endedBySignal)
    #expect(result.status == 130)
  }

  @Test("nohup keeps a training deaf to a lost terminal, and not to a termination")
  func ignoredHangUp() throws {
    let place = try CommandWorkplace()
    let result = try BuiltCommand.shell(
      """
      trap '' HUP
      espalier train recipe.yaml -o run --set stop.after='12 steps' --set batch.accumulate=50 &
      while [[ $(grep -c '"step"' run/log.jsonl 2> /dev/null) -lt 2 ]]; do sleep 0.05; done
      pkill -HUP -P $! ; kill -HUP $!
      wait $!
      """, in: place.url)
    #expect(result.status == 0, "\(result.errors)")
    #expect(place.stepsSoFar("run") == 12)
  }

  @Test(
    "a signal that was ignored when the command started stays so",
    arguments: [
      "train recipe.yaml -o on --set batch.accumulate=200000",
      "evaluate run --text long.txt --stride 1 --batch 1",
      "verify run run --sequences 8192 --tokens 16",
      "generate run --prompt the --count 10000000",
      "prepare long.txt -o tokens --vocabulary 30000",
    ], ["INT", "TERM"])
  func ignored(line: String, signal: String) throws {
    let place = try placeWithLongWork()
    let other = signal == "INT" ? "TERM" : "HUP"
    let result = try BuiltCommand.shell(
      """
      trap '' \(signal)
      espalier \(line) --threads 1 > output 2>&1 &
      sleep 1.5
      for _ in 1 2 3; do pkill -\(signal) -P $!; sleep 0.2; done
      pkill -0 -P $! || exit 99
      pkill -\(other) -P $!
      wait $!
      """, in: place.url)
    // Deaf to the one, it hears the other.
    let output = try String(contentsOf: place.url.appending(path: "output"), encoding: .utf8)
    #expect(result.status == 130, "\(result.errors) \(output)")
  }

  @Test("a reader that went away is an error where SIGPIPE was ignored, and silent otherwise")
  func ignoredPipe() throws {
    let place = try CommandWorkplace()
    func run(_ setting: String) throws -> BuiltCommand.Result {
      try BuiltCommand.shell(
        "\(setting); espalier families --json | true; exit ${PIPESTATUS[0]}", in: place.url)
    }
    // A reader that is slow to go still gets a short text.
    let deaf = try run("trap '' PIPE")
    #expect(deaf.status == 0 || deaf.status == 1 && deaf.errors.contains("broken pipe"))
    let usual = try run("true")
    #expect(usual.errors.isEmpty)
  }

  @Test(
    "other long commands end with a word of what is kept",
    arguments: [
      ("evaluate run --text long.txt --stride 1 --batch 1", "evaluation keeps nothing"),
      ("verify run run --sequences 8192 --tokens 16", "verification keeps nothing"),
      ("generate run --prompt the --count 10000000", "generation keeps nothing"),
      ("prepare long.txt -o tokens --vocabulary 30000", "nothing was written"),
      ("plan pilot --target pilot.yaml -o pilots --sizes 2 --steps 100000", "goes on where"),
    ], [SIGINT, SIGTERM, SIGHUP])
  func others(command: (line: String, words: String), signal: Int32) throws {
    let place = try placeWithLongWork()
    let running = try BuiltCommand(
      ShellWords.split(command.line) + ["--threads", "1"], in: place.url)
    usleep(1_500_000)
    #expect(running.isRunning, "\(command.line) was over too soon")
    running.send(signal)
    let result = try running.wait()
    #expect(!result.endedBySignal && result.status == 130, "\(result.status) \(result.errors)")
    #expect((result.output + result.errors).contains(command.words), "\(result.output)")
    #expect(!FileManager.default.fileExists(atPath: place.url.appending(path: "tokens").path))
  }

  /// A run, and a text and a recipe that keep any command busy.
  private func placeWithLongWork() throws -> CommandWorkplace {
    let place = try CommandWorkplace()
    // Words that are all different keep a preparation at merging pairs for seconds.
    let text = (0..<400_000).map { "w\(UInt64($0) &* 0x9E37_79B9_7F4A_7C15)" }
      .joined(separator: " ")
    try Data(text.utf8).write(to: place.url.appending(path: "long.txt"))
    try Data(Self.pilot.utf8).write(to: place.url.appending(path: "pilot.yaml"))
    let training = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "run", "--quiet", "--set", "stop.after=1 steps"],
      in: place.url)
    #expect(training.status == 0, "\(training.errors)")
    return place
  }

  private static let pilot = """
    version: 1
    model: {architecture: gpt2, layers: 4, hidden: 16, heads: 2, context: 16}
    tokenizer: {kind: bpe, vocabulary: 264}
    data: {train: corpus.txt, validation: {fraction: 0.1}}
    batch: {sequences: 2}
    schedule: {kind: cosine, peak: 1e-3, total: 1000 steps}
    stop: {after: 1000 steps}
    """
}
