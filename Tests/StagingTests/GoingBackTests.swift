// SPDX-License-Identifier: Apache-2.0
import CPUEngine
import Checkpoints
import Evaluation
import Foundation
import RunLogs
import Staging
import Testing
import Text
import Training

@Suite("Going back")
struct GoingBackTests {
  private func latest(_ place: Workplace) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: place.checkpoints.latest.path)
  }

  @Test("a run goes on from an earlier checkpoint, and what came after it is kept")
  func resumeFrom() throws {
    let place = try Workplace()
    let recorder = EventRecorder()
    try place.create().trainForTest()
    let whole = try place.loggedSteps()
    #expect(try latest(place) == "step-00000012")

    let log = try Data(contentsOf: RunDirectory(place.run).log)
    let run = try TrainingRun.resume(place.run, fromStep: 8)
    let summary = try run.trainForTest(recorder: recorder, interruptingAfter: 1)
    #expect(summary.steps == 9)
    #expect(recorder.notes.contains { $0.hasPrefix("Going back to step 8; what came after") })
    #expect(try place.checkpoints.list().map(\.step) == [8, 9])
    #expect(try latest(place) == "step-00000009")
    let aside = RunDirectory(place.run).abandoned.appending(path: "1")
    #expect(try CheckpointStore(aside).list().map(\.step) == [10, 12])
    #expect(try CheckpointStore(aside).latestValid().item?.step == 12)
    #expect(try Data(contentsOf: aside.appending(path: "log.jsonl")) == log)

    // The rest is the same training again.
    try TrainingRun.resume(place.run).trainForTest()
    #expect(try place.loggedSteps() == whole)
    #expect(
      try Data(contentsOf: place.checkpoints.url(step: 12).appending(path: "model.safetensors"))
        == Data(contentsOf: aside.appending(path: "step-00000012/model.safetensors")))
  }

  @Test("a step without a checkpoint is an error that names those with one") func missing() throws {
    let place = try Workplace()
    try place.create().trainForTest()
    let error = #expect(throws: StagingError.self) {
      try TrainingRun.resume(place.run, fromStep: 7)
    }
    #expect(
      error?.message
        == "there is no checkpoint of step 7; those there are have the steps 8, 10, 12")
    let other = try Workplace()
    _ = try other.create()
    let none = #expect(throws: StagingError.self) {
      try TrainingRun.resume(other.run, fromStep: 7)
    }
    #expect(none?.message == "there is no checkpoint of step 7; the run has none yet")
  }

  @Test("a run begun with the latest checkpoint of another remembers which that was")
  func startsFromLatest() throws {
    let (first, second) = (try Workplace(), try Workplace())
    try first.create().trainForTest()
    let run = try second.create(startingFrom: first.checkpoints.latest)
    #expect(run.manifest.startedFrom?.hasSuffix("step-00000012") == true)
  }

  @Test("the log's validation loss is that of the whole text, as scoring it gives")
  func validation() throws {
    let place = try Workplace()
    let summary = try place.create([
      "evaluate={every: 4 steps, tokens: all}", "data.validation.fraction=0.3",
    ]).trainForTest()
    let logged = try #require(summary.validationLoss)
    let records = try RunLogReader.records(path: RunDirectory(place.run).log.path)
    let evaluations: [EvaluationRecord] = records.compactMap {
      if case .evaluation(let record) = $0 { record } else { nil }
    }
    let data = try #require(
      try FileManager.default.contentsOfDirectory(
        at: RunDirectory(place.run).data, includingPropertiesForKeys: nil
      ).first { !$0.lastPathComponent.hasPrefix(".") })
    let validation = try #require(try TokenDataset.open(data).validation)
    #expect(evaluations.allSatisfy { $0.validationTokens == validation.tokenCount })
    #expect(evaluations.allSatisfy { $0.targets == validation.tokenCount - 1 })

    let bundle = try ModelBundle(reading: place.run)
    let scores = try PerplexityEvaluation(contextLength: 8, stride: 8).run(
      validation, model: bundle.makeLanguageModel(CPUTrainingEngine(threads: 1)))
    #expect(scores.loss.targetCount == validation.tokenCount - 1)
    #expect(abs(scores.loss.mean - logged) < 1e-5)
  }
}
