// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

/// Whether a growth that is stopped at any moment leaves nothing half-written, and goes on to the same
/// files.
@Suite("Interrupted growths", .serialized)
struct ResumedGrowthTests {
  /// A model of some megabytes in a place of its own.
  private func place() throws -> CommandWorkplace {
    let place = try CommandWorkplace()
    let model = ModelConfiguration(
      architecture: .llama, layerCount: 6, hiddenSize: 256, headCount: 8, intermediateSize: 688,
      vocabularySize: 4000, contextLength: 64, rotary: RotaryEmbedding(), tiesHead: false)
    try ModelDirectory.write(
      to: place.url.appending(path: "small"), configuration: HuggingFaceConfiguration(model),
      values: model.program().initialParameters(seed: 1), as: .bfloat16, tokenizer: nil)
    return place
  }

  private func arguments(_ output: String, _ options: [String] = []) -> [String] {
    [
      "grow", "small", "-o", output, "--width", "2", "--depth", "2", "--shard-size", "1MB",
      "--quiet",
    ] + options
  }

  /// Every file's bytes.
  private func contents(_ place: CommandWorkplace, _ name: String) throws -> [String: Data] {
    let url = place.url.appending(path: name)
    let names = try FileManager.default.contentsOfDirectory(atPath: url.path)
    return Dictionary(
      uniqueKeysWithValues: try names.map { ($0, try Data(contentsOf: url.appending(path: $0))) })
  }

  private func finished(_ place: CommandWorkplace) -> Int {
    let url = place.url.appending(path: ".partial-broken")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    return names.count { $0.hasPrefix("model-") }
  }

  @Test("killed again and again, it comes to the same files", arguments: [1, 2])
  func killed(seed: UInt64) throws {
    let place = try place()
    let whole = try BuiltCommand.run(arguments("whole"), in: place.url)
    #expect(whole.status == 0, "\(whole.errors)")
    var random = SeededRandom(seed: seed)
    var (kills, kept) = (0, 0)
    while kills < 6 {
      let before = finished(place)
      let command = try BuiltCommand(arguments("broken", ["--resume"]), in: place.url)
      let goal = before + 1 + random.next(below: 8)
      while command.isRunning, finished(place) < goal { usleep(300) }
      usleep(UInt32(random.next(below: 3000)))
      command.send(SIGKILL)
      let result = try command.wait()
      #expect(result.endedBySignal || result.status == 0, "\(result.errors)")
      guard result.endedBySignal else { break }
      kills += 1
      kept = max(kept, finished(place))
      #expect(!FileManager.default.fileExists(atPath: place.url.appending(path: "broken").path))
    }
    #expect(kills > 0 && kept > 1)
    let last = try BuiltCommand.run(arguments("broken", ["--resume"]), in: place.url)
    // The last kill may have come too late to stop it.
    #expect(last.status == 0 || last.errors.contains("exists"), "\(last.errors)")
    #expect(try contents(place, "broken") == contents(place, "whole"))
    #expect(finished(place) == 0)
    let names = try FileManager.default.contentsOfDirectory(atPath: place.url.path)
    #expect(!names.contains { $0.hasPrefix(".partial-") || $0.hasPrefix(".tmp-") })
  }

  @Test("Ctrl-C ends it and says how to go on; other work is not gone on with, but replaced")
  func interrupted() throws {
    let place = try place()
    let command = try BuiltCommand(arguments("broken"), in: place.url)
    while command.isRunning, finished(place) < 2 { usleep(300) }
    command.send(SIGINT)
    let result = try command.wait()
    try #require(!result.endedBySignal && result.status == 130, "\(result.errors)")
    #expect(result.errors.contains("--resume"))
    #expect(finished(place) > 0)
    let other = try BuiltCommand.run(
      arguments("broken", ["--resume", "--seed", "5"]), in: place.url)
    #expect(other.status == 1)
    #expect(other.errors.contains("beginning of other work"), "\(other.errors)")
    let anew = try BuiltCommand.run(arguments("broken", ["--seed", "5"]), in: place.url)
    #expect(anew.status == 0, "\(anew.errors)")
    #expect(finished(place) == 0)
    try CheckpointDirectory.verify(place.url.appending(path: "broken"))
  }

  @Test("a full disk is told, and leaves nothing under the name")
  func full() throws {
    let place = try place()
    let command = try BuiltCommand.url.path
    let script = """
      trap '' XFSZ; ulimit -f 4000
      exec '\(command)' grow small -o broken --width 2 --depth 2 --quiet
      """
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", script]
    process.currentDirectoryURL = place.url
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let text = String(
      decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 1)
    #expect(text.contains("what was there before is untouched"), "\(text)")
    let names = try FileManager.default.contentsOfDirectory(atPath: place.url.path)
    #expect(!names.contains { $0.contains("broken") })
  }

  @Test("the outline by tensor, one file's share, and a part that is not verified")
  func parts() throws {
    let place = try place()
    let plan = try BuiltCommand.run(
      ["grow", "small", "--width", "2", "--depth", "2", "--dry-run", "--tensors"], in: place.url)
    #expect(plan.status == 0, "\(plan.errors)")
    for piece in [
      "model.layers.1.mlp.up_proj.weight from model.layers.0.mlp.up_proj.weight: ", "new: zeros",
      "noise at 10", "256×688 → 512×1376",
      "time  ", "memory        at most",
    ] {
      #expect(plan.output.contains(piece), "\(piece): \(plan.output)")
    }
    let part = try BuiltCommand.run(
      ["grow", "small", "-o", "part", "--width", "2", "--only", "*.norm.weight", "--json"],
      in: place.url)
    #expect(part.status == 0, "\(part.errors)")
    let verification = try BuiltCommand.run(["verify", "small", "part"], in: place.url)
    #expect(verification.status == 1)
    #expect(verification.errors.contains("holds only the tensors"), "\(verification.errors)")
  }
}
