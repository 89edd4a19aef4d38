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

  @Test("a going back that was killed midway is undone by the next session, and can be done again")
  func brokenOff() throws {
    let place = try Workplace()
    try place.create().trainForTest()
    let directory = RunDirectory(place.run)
    let whole = try Data(contentsOf: directory.log)
    // As a kill leaves it: the log copied, and one of two checkpoints moved.
    let folder = directory.abandoned.appending(path: "1.moving")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: directory.log, to: folder.appending(path: "log.jsonl"))
    try FileManager.default.moveItem(
      at: place.checkpoints.url(step: 12), to: folder.appending(path: "step-00000012"))
    guard case .run(let inspection) = try Inspection.of(place.run) else { return }
    #expect(inspection.problems.contains { $0.contains("the next --resume puts them back") })
    let recorder = EventRecorder()
    #expect(try TrainingRun.resume(place.run).trainForTest(recorder: recorder).steps == 12)
    #expect(recorder.notes.contains { $0.contains("they are back in their places") })
    #expect(try place.checkpoints.list().map(\.step) == [8, 10, 12])
    #expect(!FileManager.default.fileExists(atPath: folder.path))
    #expect(try Data(contentsOf: directory.log).starts(with: whole))
    let again = try TrainingRun.resume(place.run, fromStep: 8).trainForTest()
    #expect(again.steps == 12)
  }

  @Test("a beginning anew that was killed midway is no run that has not begun, and is undone")
  func brokenOffAnew() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 6)
    let directory = RunDirectory(place.run)
    let folder = place.run.appending(path: "old-1.moving")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for part in [directory.log, directory.checkpoints] {
      try FileManager.default.moveItem(
        at: part, to: folder.appending(path: part.lastPathComponent))
    }
    let error = #expect(throws: StagingError.self) { try place.create() }
    #expect(error?.code == .runExists)
    #expect(try TrainingRun.resume(place.run).trainForTest().steps == 12)
    #expect(try place.loggedSteps().map(\.step) == Array(1...12))
    #expect(!FileManager.default.fileExists(atPath: folder.path))
  }

  @Test("what stands in the place of the link to the newest checkpoint stays, and is told")
  func takenLatest() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 6)
    let latest = place.checkpoints.latest
    try FileManager.default.removeItem(at: latest)
    try FileManager.default.createDirectory(at: latest, withIntermediateDirectories: false)
    let recorder = EventRecorder()
    try TrainingRun.resume(place.run).trainForTest(recorder: recorder)
    #expect(recorder.notes.contains { $0.contains("checkpoints/latest' is no link, and stays") })
    var isDirectory: ObjCBool = false
    #expect(
      FileManager.default.fileExists(atPath: latest.path, isDirectory: &isDirectory)
        && isDirectory.boolValue)
  }

  @Test("a change of which a killed session could not tell is told by the next one")
  func untoldChange() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 6)
    let file = RunDirectory(place.run).manifest
    let text = try String(contentsOf: file, encoding: .utf8)
      .replacing(/\n *"checksum" : "[0-9a-f]{64}",/, with: "")
      .replacing(
        "\"formatVersion\"", with: "\"unloggedChange\" : \"schedule.peak=3e-3\", \"formatVersion\"")
    try Data(text.utf8).write(to: file)
    try TrainingRun.resume(
      place.run, overrides: [try RecipeOverride(parsing: "stop.after=8 steps")]
    ).trainForTest()
    func changes() throws -> [LogValue?] {
      try RunLogReader.records(path: RunDirectory(place.run).log.path).compactMap {
        if case .event(let event) = $0, event.event == .changed {
          event.details["overrides"]
        } else {
          nil
        }
      }
    }
    #expect(try changes() == [.text("schedule.peak=3e-3, stop.after=8 steps")])
    #expect(try TrainingRun.open(place.run).manifest.unloggedChange == nil)
    try TrainingRun.resume(
      place.run, overrides: [try RecipeOverride(parsing: "stop.after=9 steps")]
    ).trainForTest()
    #expect(try changes().last == .text("stop.after=9 steps"))
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
