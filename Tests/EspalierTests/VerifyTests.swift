// SPDX-License-Identifier: Apache-2.0
import Espalier
import EspalierCLI
import Foundation
import Testing

@Suite("Verify")
struct VerifyTests {
  /// A workplace with a run of three steps, and what became of its last checkpoint.
  private func workplace(
    _ growth: some GrowthOperator, receipt: Bool = true,
    change: (inout TrainingState) -> Void = { _ in }
  ) throws -> CommandWorkplace {
    let place = try CommandWorkplace()
    let training = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "run", "--set", "stop.after=3 steps", "--quiet"],
      in: place.url)
    #expect(training.status == 0, "\(training.errors)")
    let latest = try #require(
      try CheckpointStore(place.run("run").checkpoints).latestValid().item)
    let state = try TrainingState(reading: latest.url)
    let path = try growth.path(from: state.status.model, options: GrowthOptions(seed: 5))
    var grown = try path.grown(state)
    change(&grown)
    let target = place.url.appending(path: "grown")
    let tokenizer = try Data(contentsOf: latest.url.appending(path: "tokenizer.json"))
    try grown.write(to: target, tokenizer: tokenizer)
    if receipt {
      try GrowthReceipt(path).encoded()
        .write(to: target.appending(path: GrowthReceipt.fileName))
    }
    return place
  }

  private func report(
    _ arguments: [String], in place: CommandWorkplace, status: Int32 = 0
  ) throws -> VerificationReport {
    let result = try BuiltCommand.run(arguments + ["--json", "--quiet"], in: place.url)
    #expect(result.status == status, "\(result.errors)")
    return try JSONDecoder().decode(VerificationReport.self, from: Data(result.output.utf8))
  }

  @Test("a growth that keeps what it declares")
  func kept() throws {
    let place = try workplace(WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)))
    let report = try report(["verify", "run", "grown"], in: place)
    #expect(report.isSound)
    #expect(report.operation == "width × 2, then depth 1 → 2 (identityByOutput)")
    #expect(report.float64Arithmetic == .float64)
    for check in [VerificationCheck.logits, .loss, .copyDistance, .deadParameters] {
      #expect(report[check]?.verdict == .kept, "\(check)")
      #expect(report[check]?.float64 != nil, "\(check)")
    }
    #expect(report[.replay]?.verdict == .kept)
    #expect(report[.firstStep]?.verdict == .kept)
    #expect(report[.moments]?.verdict == .notDeclared)
    #expect(report.batches.sequenceLength == 16)

    // The library measures the same.
    let verification = try ModelVerification(
      VerificationRequest(small: place.run("run").url, grown: place.url.appending(path: "grown")))
    #expect(verification.receipt?.path.operation == report.operation)
    #expect(!verification.streaming.streams)
    let again = try verification.report(engine: CPUTrainingEngine())
    #expect(again.checks.map(\.verdict) == report.checks.map(\.verdict))
    #expect(again[.logits]?.float64?.value == report[.logits]?.float64?.value)

    let table = try BuiltCommand.run(
      ["verify", "run", "grown", "--data", "corpus.txt", "--tokens", "8", "--steps", "3"],
      in: place.url)
    #expect(table.status == 0, "\(table.errors)")
    for part in [
      "logits", "kept", "≤ 1.0e-05, ≤ 1.0e-12", "copies in query", "11 batches of 2 × 8 tokens",
    ] {
      #expect(table.output.contains(part), "\(part) in \(table.output)")
    }
  }

  @Test("the small model's trajectory, on prepared tokens")
  func trajectory() throws {
    let place = try workplace(
      WidthGrowth(factor: 2, symmetry: .kept, learningRates: .smallTrajectory))
    let folder = try #require(
      try FileManager.default.contentsOfDirectory(atPath: place.run("run").url.path + "/data").first
    )
    let report = try report(
      ["verify", "run", "grown", "--data", "run/data/\(folder)"], in: place)
    for check in [VerificationCheck.gradients, .moments, .trajectory] {
      #expect(report[check]?.verdict == .kept, "\(check)")
    }
    let less = try self.report(
      ["verify", "run", "grown", "--exact-operations", "1e5"], in: place)
    #expect(less.float64Arithmetic == nil || less[.trajectory]?.float64 == nil)
    #expect(less[.trajectory]?.verdict == .kept)
  }

  @Test("a broken guarantee is told and gives exit code 1")
  func broken() throws {
    let place = try workplace(WidthGrowth(factor: 2)) { state in
      for index in state.parameters.indices where state.parameters[index].value.shape.rank == 1 {
        let value = state.parameters[index].value
        state.parameters[index].value = HostTensor(
          value.floats.map { $0 + 0.5 }, shape: value.shape)
      }
    }
    let report = try report(["verify", "run", "grown"], in: place, status: 1)
    #expect(!report.isSound)
    #expect(report[.logits]?.verdict == .broken)
    #expect(report[.replay]?.verdict == .broken)
    let table = try BuiltCommand.run(["verify", "run", "grown", "--quiet"], in: place.url)
    #expect(table.status == 1)
    #expect(table.output.contains("BROKEN"))
    #expect(table.output.contains("replay is worst at"))
  }

  @Test("what cannot be told is neither kept nor broken, and gives exit code 2")
  func undecided() throws {
    let place = try workplace(WidthGrowth(factor: 2))
    let report = try report(
      ["verify", "run", "grown", "--learning-rate", "1e-9"], in: place, status: 2)
    #expect(!report.isSound && !report.isBroken)
    #expect(report[.copyDistance]?.verdict == .undecided)
    #expect(report[.logits]?.verdict == .kept)
    let table = try BuiltCommand.run(
      ["verify", "run", "grown", "--learning-rate", "1e30", "--quiet"], in: place.url)
    #expect(table.status == 2)
    #expect(table.output.contains("cannot be told: ") && !table.output.contains("BROKEN"))
    let help = try BuiltCommand.run(["help", "verify"], in: place.url)
    #expect(help.output.contains("but one cannot be told"))
  }

  @Test("a model of another tool, without a receipt and without a training state")
  func elsewhere() throws {
    let place = try workplace(WidthGrowth(factor: 2), receipt: false)
    let grown = try ModelDirectory(reading: place.url.appending(path: "grown"))
    try ModelDirectory.write(
      to: place.url.appending(path: "bare"), configuration: grown.configuration,
      values: grown.values(), tokenizer: nil)
    for name in ["grown", "bare"] {
      let report = try report(["verify", "run", name], in: place)
      #expect(report.operation == nil)
      #expect(report[.logits]?.holds == true)
      #expect(report[.logits]?.verdict == .notDeclared)
      #expect(report[.gradients]?.verdict == .notMeasurable)
    }
    let table = try BuiltCommand.run(["verify", "run", "bare", "--quiet"], in: place.url)
    #expect(table.output.contains("no growth.json"))
    #expect(table.output.contains("holds"))
  }

  @Test("growing the weights of a checkpoint alone breaks no promise about its moments")
  func weightsAlone() throws {
    let place = try workplace(WidthGrowth(factor: 2))
    let growth = try BuiltCommand.run(
      ["grow", "run", "-o", "weights", "--width", "2", "--weights-only", "--quiet"], in: place.url)
    #expect(growth.status == 0, "\(growth.errors)")
    let report = try report(["verify", "run", "weights"], in: place)
    #expect(report[.moments]?.verdict == .notMeasurable)
    #expect(report[.logits]?.verdict == .kept)
  }

  @Test("blocks that begin with norms at zero are alive, however faint their first gradients")
  func faintGradients() throws {
    let place = try CommandWorkplace()
    let settings = [
      "model={architecture: gpt2, layers: 2, hidden: 32, heads: 4, context: 32}",
      "optimizer={kind: muon}", "stop={after: 60 steps}",
      "schedule={kind: cosine, peak: 1e-3, warmup: 5 steps, total: 60 steps}",
      "checkpoint={every: 60 steps}",
    ]
    for arguments in [
      ["train", "recipe.yaml", "-o", "run", "--quiet"] + settings.flatMap { ["--set", $0] },
      ["grow", "run", "-o", "grown", "--depth", "2", "--block", "identity-by-norm", "--quiet"],
    ] {
      let result = try BuiltCommand.run(arguments, in: place.url)
      #expect(result.status == 0, "\(result.errors)")
    }
    let report = try report(["verify", "run", "grown"], in: place)
    #expect(report[.deadParameters]?.verdict == .kept)
    #expect(report[.deadParameters]?.float64?.value == 0)
  }

  @Test("mistakes are told on standard error")
  func mistakes() throws {
    let place = try CommandWorkplace()
    let missing = try BuiltCommand.run(["verify", "nowhere", "grown"], in: place.url)
    #expect(missing.status == 1)
    #expect(missing.errors.contains("does not exist; expected a checkpoint"))
    for arguments in [
      ["verify", "one"], ["verify", "a", "b", "--steps", "0"],
      ["verify", "a", "b", "--tokens", "1"],
      ["verify", "a", "b", "--float64", "some"], ["verify", "a", "b", "--learning-rate", "0"],
      ["verify", "a", "b", "--sequences", "0"],
    ] {
      #expect(try BuiltCommand.run(arguments, in: place.url).status == 64, "\(arguments)")
    }
    let help = try BuiltCommand.run(["help", "verify"], in: place.url)
    #expect(help.output.contains("espalier verify small grown"))
  }
}
