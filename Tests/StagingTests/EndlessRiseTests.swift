// SPDX-License-Identifier: Apache-2.0
import Foundation
import RunLogs
import Staging
import Testing
import Training

/// A learning rate whose rise the run ends before is refused in every measure, and a length that growths
/// change is told.
@Suite("Rises that never end")
struct EndlessRiseTests {
  /// Stages of 4 sequences of 8 tokens: 20 steps or 640 tokens in all, the growth at step 7.
  private func create(
    growth: String, until: String = "after: 7 steps", _ overrides: [String] = []
  ) throws -> (place: Workplace, run: TrainingRun) {
    let place = try Workplace()
    let text = StagedRunTests.recipe(until: until, growth: growth)
    return (place, try TrainingRun.create(place.run, recipe: place.recipeFile(text, overrides)))
  }

  @Test(
    "after a growth, in steps, tokens and operations",
    arguments: ["19 steps", "600 tokens", "1e10 FLOPs"])
  func rewarmup(duration: String) throws {
    let error = #expect(throws: StagingError.self) {
      try create(growth: "{width: 2, depth: 2, rewarmup: \(duration)}")
    }
    #expect(error?.subject == "recipe.yaml:13: stages[0].grow.rewarmup")
    #expect(
      error?.message.contains("after the growth at step 7") == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("the run ends at") == true)
  }

  @Test(
    "one that ends is trained, and so is a run that is cut short for now",
    arguments: ["5 steps", "160 tokens", "1e7 FLOPs"])
  func shortRewarmup(duration: String) throws {
    let growth = "{width: 2, depth: 2, rewarmup: \(duration)}"
    let (place, run) = try create(growth: growth, ["stop.after=8 steps"])
    try run.trainForTest()
    let longer = try TrainingRun.resume(
      place.run, overrides: [try RecipeOverride(parsing: "stop.after=20 steps")])
    #expect(try longer.trainForTest().outcome == .finished)
    let rates = try place.loggedSteps().map(\.learningRate)
    #expect(rates[7] < rates[6] && rates[9] > rates[7], "\(rates)")
  }

  @Test("after a growth that only the training times, it is told when the growth comes")
  func late() throws {
    let (_, run) = try create(
      growth: "{width: 2, depth: 2, schedule: keep, rewarmup: 15 steps}", until: "loss: 5.5")
    let recorder = EventRecorder()
    try run.trainForTest(recorder: recorder)
    let growth = recorder.all.compactMap { event -> Int? in
      if case .growing(_, _, let step) = event { step } else { nil }
    }.first
    if let growth {
      #expect(
        recorder.notes.contains {
          $0.hasPrefix(
            "The learning rate rises again to step \(growth + 15), and the run ends at step 20")
        } == (growth + 15 > 20), "\(growth): \(recorder.notes)")
    }
    #expect(growth != nil)
  }

  @Test("at the beginning, where warm-up and total have different measures")
  func warmup() throws {
    let place = try Workplace()
    for (warmup, total) in [
      ("9600 tokens", "12 steps"), ("1e12 FLOPs", "12 steps"), ("400 steps", "700 tokens"),
    ] {
      let text = Workplace.recipe
        .replacing("warmup: 3 steps, total: 12 steps", with: "warmup: \(warmup), total: \(total)")
        .replacing(", warmup: {from: 2, over: 300 tokens}", with: "")
      let error = #expect(throws: StagingError.self) {
        try TrainingRun.create(place.run, recipe: try place.recipeFile(text))
      }
      #expect(error?.subject == "recipe.yaml:7: schedule.warmup")
      #expect(error?.message.contains("would never come to its peak") == true)
    }
    let text = Workplace.recipe.replacing(
      "warmup: 3 steps, total", with: "warmup: 100 tokens, total")
    #expect(
      try TrainingRun.create(place.run, recipe: try place.recipeFile(text)).trainForTest().outcome
        == .finished)
  }

  @Test("a length that growths move is told at the start, and is where the run ends")
  func length() throws {
    let recorder = EventRecorder()
    let (place, run) = try create(growth: "{width: 2, depth: 2}")
    let summary = try run.trainForTest(recorder: recorder)
    #expect(summary.steps > 20)
    #expect(
      recorder.notes.contains {
        $0.hasSuffix(
          "the run ends after \(summary.steps) steps, its 20 steps count on the schedule")
      }, "\(recorder.notes)")
    #expect(try place.loggedSteps().last?.step == summary.steps)
    let kept = EventRecorder()
    let (_, still) = try create(growth: "{width: 2, depth: 2, schedule: keep}")
    #expect(try still.trainForTest(recorder: kept).steps == 20)
    #expect(!kept.notes.contains { $0.contains("count on the schedule") })
    let waiting = EventRecorder()
    let (_, unknown) = try create(growth: "{width: 2, depth: 2}", until: "loss: 5.5")
    try unknown.trainForTest(recorder: waiting)
    #expect(
      waiting.notes.contains { $0.contains("becomes longer than its 20 steps, which count on") },
      "\(waiting.notes)")
  }
}

/// The page in a run's directory takes the place of nothing that somebody else wrote.
@Suite("Reports beside other files")
struct ReportFileTests {
  @Test("a page of somebody's stays, and the run's is beside it; its own is replaced")
  func foreign() throws {
    let place = try Workplace()
    let run = try place.create()
    try run.trainForTest(interruptingAfter: 2)
    let report = RunDirectory(place.run).report
    for text in [
      "<!doctype html><title>mine</title>", "notes", "<!doctype html>\n<html lang=\"en\">",
    ] {
      try Data(text.utf8).write(to: report)
      let page = try run.writeReport()
      #expect(page.lastPathComponent == "report-1.html")
      #expect(try String(contentsOf: report, encoding: .utf8) == text)
      try FileManager.default.removeItem(at: page)
    }
    try Data().write(to: report)
    #expect(try run.writeReport() == report)
    let own = try String(contentsOf: report, encoding: .utf8)
    #expect(try run.writeReport() == report)
    // As pages were before they had a mark.
    let older = own.replacing("<meta name=\"generator\" content=\"espalier report\">", with: "")
    #expect(older != own)
    try Data(older.utf8).write(to: report)
    #expect(try run.writeReport() == report)
    #expect(try String(contentsOf: report, encoding: .utf8) == own)
    #expect(
      !FileManager.default.fileExists(atPath: place.run.appending(path: "report-1.html").path))
  }
}
