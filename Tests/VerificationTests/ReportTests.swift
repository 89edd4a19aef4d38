// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Foundation
import Growth
import Testing
import Text
import Training
import Verification

@Suite("Reports") struct ReportTests {
  @Test("a model of another tool: what holds is reported, nothing is broken")
  func unknownOrigin() throws {
    let small = try SmallModel.gpt2.trained()
    let plans = try WidthGrowth(factor: 2).plans(from: small.configuration)
    let grown = ModelState(
      try GrowthPath(plans, options: GrowthOptions(seed: 3)).grown(small.trainingState()))
    let report = try verification(small, grown, nil).report(engine: CPUTrainingEngine(threads: 1))
    #expect(report.isSound)
    #expect(report.float64Arithmetic == .float64OfFiles)
    for check in [VerificationCheck.logits, .loss, .deadParameters] {
      #expect(report[check]?.verdict == .notDeclared)
      #expect(report[check]?.holds == true)
    }
    #expect(report[.trajectory]?.holds == false)
    for check in [VerificationCheck.gradients, .moments, .copyDistance, .replay] {
      #expect(report[check]?.verdict == .notMeasurable)
      #expect(report[check]?.reason != nil)
    }
  }

  @Test("less float64")
  func scopes() throws {
    let small = try SmallModel.llama.trained()
    let plans = try WidthGrowth(factor: 2).plans(from: small.configuration)
    let grown = ModelState(
      try GrowthPath(plans, options: GrowthOptions(seed: 3)).grown(small.trainingState()))
    for scope in ExactScope.allCases {
      var verification = try verification(small, grown, plans)
      verification.exactScope = scope
      var last: VerificationProgress?
      let report = try verification.report(engine: CPUTrainingEngine(threads: 1)) {
        #expect($0.done == (last?.done ?? -1) + 1)
        last = $0
      }
      #expect(last.map { $0.done + 1 } == last?.total)
      #expect((report[.logits]?.float64 != nil) == (scope != .none))
      #expect((report[.gradients]?.float64 != nil) == (scope == .all))
      expectSound(report)
    }
  }

  @Test("an optimizer without ε makes no number NaN where nothing ever had a gradient")
  func withoutEpsilon() throws {
    var small = try SmallModel.gpt2.trained()
    for index in small.parameters.indices {
      small.parameters[index].firstMoment = nil
      small.parameters[index].secondMoment = nil
      small.parameters[index].stepCount = 0
    }
    let plans = try WidthGrowth(factor: 2, symmetry: .kept).plans(from: small.configuration)
    let grown = ModelState(
      try GrowthPath(plans, options: GrowthOptions(seed: 3)).grown(small.trainingState()))
    var verification = try verification(small, grown, plans)
    verification.training.optimizer.epsilon = 0
    // Five of twelve positions are ever seen.
    verification.batches = TokenBatch.random(
      count: 4, for: small.configuration, sequences: 2, length: 5, seed: 1)
    verification.exactBatches = verification.batches
    let report = try verification.report(engine: CPUTrainingEngine(threads: 1))
    for measured in [report[.trajectory]?.float32, report[.trajectory]?.float64] {
      #expect(measured?.value.isFinite ?? false)
    }
  }

  @Test("JSON keeps its names")
  func json() throws {
    let small = try SmallModel.gpt2.trained()
    let report = try verify(small, WidthGrowth(factor: 2).plans(from: small.configuration))
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let data = try encoder.encode(report)
    #expect(try JSONDecoder().decode(VerificationReport.self, from: data) == report)
    let text = String(decoding: data, as: UTF8.self)
    for part in [
      #""check":"logits","float32":{"value":"#,
      #""float32Bound":{"relation":"atMost","value":1e-05}"#,
      #""guarantee":"loss""#, #""verdict":"kept""#, #""formatVersion":1"#,
      #""float64Arithmetic":"float64""#, #""verdict":"notDeclared""#,
    ] {
      #expect(text.contains(part), "\(part)")
    }
  }

  @Test("models that do not belong together")
  func mismatches() throws {
    let small = try SmallModel.gpt2.trained()
    let other = try SmallModel.llama.trained()
    let plans = try WidthGrowth(factor: 2).plans(from: small.configuration)
    #expect(throws: VerificationError.self) {
      try verification(small, other, plans).report(engine: CPUTrainingEngine(threads: 1))
    }
    var missing = small
    missing.parameters.removeLast()
    #expect(throws: (any Error).self) {
      try verification(small, missing, nil).report(engine: CPUTrainingEngine(threads: 1))
    }
    var short = try verification(small, small, [])
    short.batches = []
    #expect(throws: VerificationError.self) {
      try short.report(engine: CPUTrainingEngine(threads: 1))
    }
  }

  @Test("numbers that are no numbers break what they measure")
  func notANumber() throws {
    let small = try SmallModel.gpt2.trained()
    let plans = try WidthGrowth(factor: 2).plans(from: small.configuration)
    let report = try verify(small, plans) {
      var floats = $0.parameters[0].value.floats
      floats[0] = .nan
      $0.parameters[0].value = .init(floats, shape: $0.parameters[0].value.shape)
    }
    #expect(report[.replay]?.verdict == .broken)
    #expect(report[.logits]?.verdict == .broken)
  }
}
