// SPDX-License-Identifier: Apache-2.0
import Foundation
import RunLogs
import Staging
import Testing
import Training

@Suite("Late expansion that is planned")
struct LateExpansionTests {
  private static let wsd = "kind: wsd, total: 40 steps, decay: 20%"

  private func plan(_ stages: String, _ schedule: String = wsd) throws -> RunPlan? {
    let place = try Workplace()
    return try TrainingRun.create(
      place.run,
      recipe: try place.recipeFile(LawfulRuns.recipe(stages: stages, schedule: schedule))
    ).plan
  }

  @Test("one layer until the share, then all, on one schedule", arguments: [0, 1])
  func run(layers: Int) throws {
    let place = try Workplace()
    let text = LawfulRuns.recipe(
      stages: "{lateExpansion: {layers: \(layers), share: 70%}}", schedule: Self.wsd)
    let run = try TrainingRun.create(place.run, recipe: try place.recipeFile(text))
    #expect(run.plan?.origin == .lateExpansion)
    #expect(try run.trainForTest().steps == 40)
    let events = try RunLogReader.records(path: RunDirectory(place.run).log.path)
      .compactMap { record -> EventRecord? in
        guard case .event(let event) = record, event.event == .grown else { return nil }
        return event
      }
    #expect(events.map(\.step) == [28])
    #expect(events.first?.details["scheduleRatio"] == nil)
    let state = try TrainingState(reading: place.checkpoints.url(step: 40))
    #expect(state.status.model.layerCount == 2)
  }

  @Test("the usual share is 80 %, or where the decay begins")
  func shares() throws {
    let usual = try #require(try plan("lateExpansion"))
    #expect(usual.stages.count == 2 && usual.stages[0].until == .share(0.8))
    #expect(usual.stages[0].model == StageModel(layerCount: 1))
    #expect(usual.notes.first?.contains("1 of 2 layers until 80.0 %") == true)
    let early = try plan("lateExpansion", "kind: wsd, total: 40 steps, decay: 20 steps")
    #expect(early?.stages[0].until == .share(0.5))
    // A constant rate has no end of its own, so the run's length counts.
    let constant = try plan("lateExpansion", "kind: constant}\nstop: {after: 50 steps")
    #expect(constant?.stages[0].until == .after(.steps(40)))
  }

  @Test(
    "schedules that fall, and expansions in the decay or of nothing, are refused",
    arguments: [
      ("lateExpansion", "kind: cosine, total: 40 steps", "use schedule.kind: wsd or constant"),
      ("{lateExpansion: {share: 90%}}", wsd, "after the decay began at 80.0 %"),
      ("{lateExpansion: {layers: 2}}", wsd, "not fewer than the model's 2"),
      ("{lateExpansion: {share: 1.5}}", wsd, "between 0 and 1"),
      ("lateExpansion", "kind: constant}\nstop: {after: 5 minutes", "give schedule.total"),
    ])
  func refusals(stages: String, schedule: String, message: String) throws {
    let error = #expect(throws: StagingError.self) { try plan(stages, schedule) }
    #expect(error?.description.contains(message) ?? false, "\(error?.description ?? "")")
  }
}
