// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Growth
import Tensors
import Testing
import Training
import Verification

/// An engine that trains none of the families that it is asked for.
private struct EngineWithoutFamilies: TrainingEngine {
  private let engine = CPUTrainingEngine(threads: 2)
  var name: String { "narrow" }
  func obstacle(in program: Program, sequenceLength: Int) -> String? {
    "the narrow engine trains no \(program.family)"
  }
  func makeSession(
    for program: Program, parameters: [ParameterState], precision: Precision
  ) throws -> any TrainingSession {
    throw CPUEngineError(.invalidParameters, "must not be asked for", subject: program.family)
  }
  func makeLanguageModel(
    for program: Program, parameters: [HostTensor], precision: Precision
  ) throws -> any LanguageModel {
    throw CPUEngineError(.invalidParameters, "must not be asked for", subject: program.family)
  }
  func measurePeak(precision: Precision) throws -> Double {
    try engine.measurePeak(precision: precision)
  }
}

@Suite("Verification of families") struct FamilyVerificationTests {
  static let names = ["gpt_neox", "mixtral", "gemma", "qwen3", "olmo", "mistral-sliding"]

  @Test("an engine that computes a family measures all in both precisions", arguments: names)
  func everything(_ name: String) throws {
    let grown = try GrownDirectory(name, WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)))
    let report = try verification(grown).report(engine: CPUTrainingEngine(threads: 2))
    expectSound(report)
    #expect(report.float32Limit == nil)
    for check in [VerificationCheck.logits, .loss, .residual] {
      #expect(report[check]?.float32 != nil, "\(check)")
      #expect(report[check]?.verdict == .kept, "\(check)")
    }
    for check in [VerificationCheck.copyDistance, .closestCopies, .deadParameters] {
      #expect(report[check]?.verdict == .kept, "\(check)")
      #expect(report[check]?.reason == nil, "\(check)")
    }
    #expect(report[.deadParameters]?.float32 != nil)
  }

  /// Float64 for everything, float32 by layers.
  @Test("without such an engine promises are measured all the same", arguments: names)
  func promisesAreMeasured(_ name: String) throws {
    for (growth, kept) in [
      (
        WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)),
        [VerificationCheck.copyDistance, .closestCopies, .deadParameters]
      ),
      (
        GrowthSequence([WidthGrowth(factor: 2, symmetry: .kept)]), [.gradients, .deadParameters]
      ),
    ] {
      let grown = try GrownDirectory(name, growth)
      var last: VerificationProgress?
      let report = try verification(grown).report(engine: EngineWithoutFamilies()) {
        #expect($0.done == (last?.done ?? -1) + 1)
        last = $0
      }
      #expect(last.map { $0.done + 1 } == last?.total)
      expectSound(report)
      #expect(report.float32Limit?.contains("narrow engine") == true)
      for check in [VerificationCheck.logits, .loss, .residual] {
        #expect(report[check]?.float32 != nil, "\(check)")
        #expect(report[check]?.verdict == .kept, "\(check)")
      }
      for check in kept {
        #expect(report[check]?.float32 == nil, "\(check)")
        #expect(report[check]?.float64 != nil, "\(check)")
        #expect(report[check]?.verdict == .kept, "\(check)")
        #expect(report[check]?.reason == report.float32Limit, "\(check)")
      }
      #expect(report[.replay]?.verdict == .kept)
      #expect(report.streams != nil)
    }
  }

  @Test("a wrong tensor breaks its promise, and the streams tell where")
  func broken() throws {
    let grown = try GrownDirectory("gpt_neox", WidthGrowth(factor: 2))
    try grown.corrupt("gpt_neox.layers.1.attention.dense.weight")
    let report = try verification(grown).report(engine: CPUTrainingEngine(threads: 1))
    for check in [VerificationCheck.logits, .residual, .replay] {
      #expect(report[check]?.verdict == .broken, "\(check)")
    }
    #expect(report.parting == "layer 1, attention")
  }

  @Test("what float64 was not asked to measure is told apart")
  func lessFloat64() throws {
    let grown = try GrownDirectory("gemma", WidthGrowth(factor: 2))
    for scope in [ExactScope.logits, .none] {
      var verification = try verification(grown)
      verification.exactScope = scope
      let report = try verification.report(engine: EngineWithoutFamilies())
      #expect(report[.logits]?.verdict == .kept)
      #expect(report[.gradients]?.verdict == .notMeasurable)
      #expect(report[.gradients]?.reason?.contains("float64 measured") == true)
    }
  }

  @Test("experts count in what float64 may take")
  func exactWork() throws {
    let grown = try GrownDirectory("mixtral", WidthGrowth(factor: 2))
    var verification = try verification(grown)
    try verification.limitExactWork(toOperations: 1e12)
    #expect(verification.exactScope == .all)
    // Without the experts this would do for logits.
    try verification.limitExactWork(toOperations: 1e6)
    #expect(verification.exactScope == .none)
  }

  private func verification(_ grown: GrownDirectory) throws -> GrowthVerification {
    let models = try [grown.small(), grown.grown()].map {
      ModelState($0.configuration.model, values: try $0.values())
    }
    return GrowthVerification(
      small: models[0], grown: models[1], path: try grown.path(grown.plans),
      training: SmallModel.training)
  }
}
