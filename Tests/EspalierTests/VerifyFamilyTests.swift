// SPDX-License-Identifier: Apache-2.0
import Espalier
import EspalierCLI
import Foundation
import GoldenModels
import Testing

/// `espalier grow` and then `espalier verify`, on families other than GPT-2 and Llama.
@Suite("Verify: families and streaming")
struct VerifyFamilyTests {
  /// A workplace where a golden model was grown by the command.
  private func grown(_ name: String, _ options: [String] = ["--width", "2", "--depth", "2"]) throws
    -> (place: CommandWorkplace, small: String)
  {
    let place = try CommandWorkplace()
    let small = FamilyGolden(name: name).url.path(percentEncoded: false)
    let result = try BuiltCommand.run(
      ["grow", small, "-o", "grown", "--quiet"] + options, in: place.url)
    #expect(result.status == 0, "\(result.errors)")
    return (place, small)
  }

  private func report(
    _ arguments: [String], in place: CommandWorkplace, status: Int32 = 0
  ) throws -> VerificationReport {
    let result = try BuiltCommand.run(
      ["verify"] + arguments + ["--json", "--quiet"], in: place.url)
    #expect(result.status == status, "\(result.errors)")
    return try JSONDecoder().decode(VerificationReport.self, from: Data(result.output.utf8))
  }

  @Test("everything is measured", arguments: ["gpt_neox", "mixtral", "gemma"])
  func families(_ name: String) throws {
    let (place, small) = try grown(name)
    let whole = try report([small, "grown"], in: place)
    #expect(whole.isSound)
    for check in [VerificationCheck.logits, .loss, .residual] {
      #expect(whole[check]?.verdict == .kept, "\(check)")
      #expect(whole[check]?.float32 != nil, "\(check)")
    }
    #expect(whole[.logits]?.float64 != nil)
    #expect(whole[.copyDistance]?.verdict == .kept)
    #expect(whole[.copyDistance]?.float32 != nil)
    #expect(whole.float32Limit == nil)

    let streamed = try report([small, "grown", "--streaming", "--tokens", "12"], in: place)
    #expect(streamed.isSound)
    #expect(streamed.checks.map(\.check) == [.logits, .loss, .residual, .replay])
    #expect(streamed.batches.sequenceLength == 12)
    #expect(streamed.streams?.count == streamed.grown.layerCount + 1)
  }

  @Test(
    "a corrupted tensor gives exit code 1, and the layer",
    arguments: [
      ("gpt_neox", "gpt_neox.layers.2.mlp.dense_4h_to_h.weight", "layer 2, feed-forward"),
      ("mixtral", "model.layers.1.self_attn.o_proj.weight", "layer 1, attention"),
    ])
  func corrupted(_ name: String, _ tensor: String, _ part: String) throws {
    let (place, small) = try grown(name)
    let directory = try ModelDirectory(reading: place.url.appending(path: "grown"))
    var values = try directory.values()
    let index = try #require(directory.tensorNames.firstIndex(of: tensor))
    var floats = values[index].floats
    floats[0] += 0.5
    values[index] = HostTensor(floats, shape: values[index].shape)
    let target = place.url.appending(path: "broken")
    try ModelDirectory.write(
      to: target, configuration: directory.configuration, values: values, tokenizer: nil)
    try FileManager.default.copyItem(
      at: place.url.appending(path: "grown/\(GrowthReceipt.fileName)"),
      to: target.appending(path: GrowthReceipt.fileName))
    for arguments in [["--streaming"], []] {
      let report = try report([small, "broken"] + arguments, in: place, status: 1)
      #expect(report.parting == part)
      #expect(report[.logits]?.verdict == .broken)
      let table = try BuiltCommand.run(
        ["verify", small, "broken", "--quiet"] + arguments, in: place.url)
      #expect(table.status == 1)
      #expect(table.output.contains("the streams part at \(part)"))
    }
  }

  @Test("a streamed table: streams, loss on a text, and what was left out")
  func table() throws {
    let place = try CommandWorkplace()
    let training = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "run", "--set", "stop.after=2 steps", "--quiet"],
      in: place.url)
    #expect(training.status == 0, "\(training.errors)")
    let growth = try BuiltCommand.run(
      ["grow", "run", "-o", "grown", "--depth", "2", "--quiet"], in: place.url)
    #expect(growth.status == 0, "\(growth.errors)")
    for text in [["--text", "the tree grows along its frame"], ["--data", "corpus.txt"]] {
      let result = try BuiltCommand.run(
        ["verify", "run", "grown", "--streaming", "--quiet"] + text, in: place.url)
      #expect(result.status == 0, "\(result.errors)")
      for part in [
        "residual", "kept", "embeddings", "layer 1", "new", "of 0", "1 batch of 2 ×", "streamed",
        "of the small model",
      ] {
        #expect(result.output.contains(part), "\(part) in \(result.output)")
      }
    }
    let both = try BuiltCommand.run(
      ["verify", "run", "grown", "--text", "a", "--data", "corpus.txt"], in: place.url)
    #expect(both.status == 64)
  }

  @Test("streaming is chosen where all measurements would not fit half of the memory")
  func choice() {
    let memory: UInt64 = 16 << 30
    #expect(
      StreamingChoice(isAsked: nil, parameterCount: 1_000_000, memory: memory).streams == false)
    let large = StreamingChoice(isAsked: nil, parameterCount: 9_000_000_000, memory: memory)
    #expect(large.streams)
    #expect(large.note?.contains("half of the memory") == true)
    let kept = StreamingChoice(isAsked: false, parameterCount: 9_000_000_000, memory: memory)
    #expect(!kept.streams && kept.note == nil)
    #expect(StreamingChoice(isAsked: true, parameterCount: 1, memory: memory).streams)
    #expect(StreamingChoice(isAsked: nil, parameterCount: .max, memory: memory).streams)
  }
}
