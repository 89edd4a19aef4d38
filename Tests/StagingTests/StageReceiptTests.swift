// SPDX-License-Identifier: Apache-2.0
import Foundation
import Growth
import Staging
import Tensors
import Testing
import Training

@Suite("Receipts of a staged run's growths")
struct StageReceiptTests {
  /// A run that ended right after its growth, so that the grown state is its newest checkpoint.
  private func grown() throws -> (Workplace, TrainingRun) {
    let place = try Workplace()
    let run = try TrainingRun.create(
      place.run, recipe: try place.recipeFile(StagedRunTests.recipe()))
    try run.trainForTest(interruptingAfter: 7)
    return (place, run)
  }

  @Test("a receipt makes the grown state again bit for bit")
  func regrows() throws {
    let (place, run) = try grown()
    let receipt = try GrowthReceipt(reading: run.directory.growth(1))
    #expect(receipt.step == 7 && receipt.options.source == "stages/stage-1")
    let small = try TrainingState(reading: run.directory.stages.appending(path: "stage-1"))
    let grown = try TrainingState(reading: place.checkpoints.url(step: 7))
    #expect(grown.status.model.hiddenSize == 16)
    let again = try receipt.path.grown(small)
    #expect(again.parameters.count == grown.parameters.count)
    for (one, other) in zip(again.parameters, grown.parameters) {
      #expect(one.value.bytes == other.value.bytes)
      #expect(one.firstMoment?.bytes == other.firstMoment?.bytes)
      #expect(one.secondMoment?.bytes == other.secondMoment?.bytes)
      #expect(one.stepCount == other.stepCount)
    }
    #expect(again.status.position == grown.status.position)
    #expect(again.status.lineage == grown.status.lineage)
  }

  @Test("neither record nor receipt promises a trajectory that the optimizer does not follow")
  func optimizers() throws {
    for (kind, isKept) in [("adamW", true), ("muon", false)] {
      let place = try Workplace()
      let file = try place.recipeFile(
        StagedRunTests.recipe(),
        [
          "optimizer.kind=\(kind)",
          "stages=[{model: {hidden: 8}, until: {after: 7 steps}, "
            + "grow: {width: 2, symmetry: none, learningRates: smallTrajectory}}, {}]",
        ])
      let recorder = EventRecorder()
      let run = try TrainingRun.create(place.run, recipe: file)
      try run.trainForTest(recorder: recorder, interruptingAfter: 7)
      let record = try #require(
        recorder.all.compactMap { if case .grown(let growth) = $0 { growth } else { nil } }.first)
      let receipt = try GrowthReceipt(reading: run.directory.growth(1))
      #expect(receipt.path.guarantees.contains(.trajectory))
      #expect(record.guarantees.contains(.trajectory) == isKept)
      #expect(receipt.guarantees.inOrder == record.guarantees)
      #expect(try GrowthReceipt(receipt.encoded()) == receipt)
    }
  }

  @Test("a growth that is repeated after a crash leaves the receipt of the repetition")
  func repeated() throws {
    let (place, run) = try grown()
    // All is as if the session had ended between the receipt and the grown checkpoint.
    let small = run.directory.stages.appending(path: "stage-1")
    for item in try place.checkpoints.list() where item.step >= 7 {
      try FileManager.default.removeItem(at: item.url)
    }
    try FileManager.default.copyItem(at: small, to: place.checkpoints.url(step: 7))
    try Data("cut sho".utf8).write(
      to: run.directory.growth(1).appending(path: GrowthReceipt.fileName))
    try TrainingRun.resume(place.run).trainForTest(interruptingAfter: 1)
    let receipt = try GrowthReceipt(reading: run.directory.growth(1))
    let state = try TrainingState(reading: try #require(place.checkpoints.list().last).url)
    #expect(receipt.options.sourceHash == state.status.lineage.last?.sourceHash)
  }

  @Test("an inspection names the receipts, and tells damaged ones")
  func inspection() throws {
    let (place, run) = try grown()
    func inspect() throws -> (Inspection, RunInspection) {
      let inspection = try Inspection.of(place.run)
      guard case .run(let run) = inspection else { throw CocoaError(.fileReadUnknown) }
      return (inspection, run)
    }
    let (whole, inspected) = try inspect()
    #expect(inspected.growths.map(\.receipt) == ["stages/growth-1/growth.json"])
    #expect(inspected.growths.first?.step == 7 && inspected.growths.first?.problem == nil)
    #expect(inspected.growths.first?.operation?.hasPrefix("width × 2") == true)
    #expect(inspected.plan == .recipe && inspected.stageCount == 2)
    #expect(!whole.isDamaged)
    let cost = try #require(inspected.evaluation)
    let state = try TrainingState(reading: place.checkpoints.url(step: 7))
    #expect(cost.floatingPointOperations == state.status.evaluationCost?.floatingPointOperations)
    try Data("{}".utf8).write(
      to: run.directory.growth(1).appending(path: GrowthReceipt.fileName))
    let (damaged, told) = try inspect()
    #expect(damaged.isDamaged && told.growths.first?.problem != nil)
  }
}

extension HostTensor {
  fileprivate var bytes: Data { withUnsafeBytes { Data($0) } }
}
