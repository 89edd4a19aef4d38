// SPDX-License-Identifier: Apache-2.0
import CPUEngine
import Checkpoints
import Foundation
import Planning
import Reporting
import RunLogs
import Staging
import Testing

/// A log that lost something says so to whoever reads it, and what is put back is believed again.
@Suite("Logs that lost lines or are gone")
struct LostLogTests {
  private func trained() throws -> Workplace {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 6)
    return place
  }

  private func lines(_ place: Workplace) throws -> [String] {
    try String(contentsOf: RunDirectory(place.run).log, encoding: .utf8)
      .split(separator: "\n").map(String.init)
  }

  private func write(_ lines: [String], _ place: Workplace) throws {
    try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: RunDirectory(place.run).log)
  }

  private func inspection(_ place: Workplace) throws -> RunInspection {
    guard case .run(let run) = try Inspection.of(place.run) else {
      throw CocoaError(.fileNoSuchFile)
    }
    return run
  }

  /// What report, compare and inspect find in the log.
  private func problems(_ place: Workplace) throws -> [String] {
    let found = try ReportedRun(readingFrom: place.run).logProblems
    let inspected = try inspection(place).problems
    for problem in found { #expect(inspected.contains { $0.hasSuffix("log.jsonl: \(problem)") }) }
    if found.isEmpty { #expect(inspected.isEmpty, "\(inspected)") }
    return found
  }

  @Test("the saved states miss a tail, a whole log, and one behind a dead link")
  func tail() throws {
    let place = try trained()
    let log = RunDirectory(place.run).log
    let whole = try lines(place)
    let cut = try #require(whole.firstIndex { $0.contains("\"step\",\"step\":5,") })
    try write(Array(whole.prefix(cut)), place)
    #expect(
      try problems(place).first
        == "it ends at step 4, before the state that was saved at step 6")
    #expect(throws: PlanningError.self) { try LossCurve(run: place.run) }
    let aside = place.url.appending(path: "aside.jsonl")
    try FileManager.default.moveItem(at: log, to: aside)
    #expect(try problems(place) == ["it is gone, and the run has saved a state at step 6"])
    try FileManager.default.createSymbolicLink(at: log, withDestinationURL: log)
    #expect(
      try problems(place)
        == ["it is a link that leads to itself, and the run has saved a state at step 6"])
    try FileManager.default.removeItem(at: log)
    try FileManager.default.createSymbolicLink(
      at: log, withDestinationURL: place.url.appending(path: "nowhere"))
    #expect(
      try problems(place)
        == ["it is a link to a file that is not there, and the run has saved a state at step 6"])
    let page = ReportPage(runs: [try ReportedRun(readingFrom: place.run)]).html
    #expect(page.contains("it is a link to a file that is not there"))
    let comparison = #expect(throws: ReportingError.self) {
      let run = try ReportedRun(readingFrom: place.run)
      _ = try RunComparison(staged: [run], scratch: [run])
    }
    #expect(comparison?.message.contains("cannot be believed: it is a link") == true)
  }

  @Test("a run that has logged nothing yet, and one of before ends were kept, miss nothing")
  func nothingLost() throws {
    let place = try Workplace()
    _ = try place.create()
    #expect(try problems(place).isEmpty)
    let older = try trained()
    let file = RunDirectory(older.run).manifest
    let text = try String(contentsOf: file, encoding: .utf8)
    let without = text.replacing(/,?\s*"logEnd" : \{[^}]*\}/, with: "")
      .replacing(/\n *"checksum" : "[0-9a-f]{64}",/, with: "")
    #expect(without != text)
    try Data(without.utf8).write(to: file)
    try write(Array(try lines(older).dropLast()), older)
    #expect(try problems(older).isEmpty)
    #expect(try TrainingRun.resume(older.run).trainForTest().steps == 12)
    #expect(try problems(older).isEmpty)
  }

  @Test("lines after the last step that were taken out are told, and no resume hides it")
  func end() throws {
    let place = try trained()
    let whole = try lines(place)
    #expect(whole.last?.contains("interrupted") == true)
    for count in 1...2 {
      try write(Array(whole.dropLast(count)), place)
      let expected =
        "line \(whole.count - count): is not the last that the run wrote: lines after it were taken out"
      #expect(try problems(place) == [expected])
    }
    try TrainingRun.resume(place.run).trainForTest()
    let left = try problems(place)
    #expect(left.count == 1 && left[0].contains("lines between them were taken out"), "\(left)")
    // Put back, all is well.
    var later = try lines(place)
    later.insert(contentsOf: whole.suffix(2), at: whole.count - 2)
    try write(later, place)
    let found = try problems(place)
    #expect(found == [])
  }

  @Test(
    "a last line that was edited is believed again once it is put back, also after a resume",
    arguments: ["value", "checksum", "record"])
  func edited(part: String) throws {
    let place = try trained()
    let whole = try lines(place)
    let last = try #require(whole.last)
    let edited =
      switch part {
      case "value": last.replacing(/"seconds":[0-9.e-]+/, with: "\"seconds\":123456")
      case "checksum": last.replacing(/"checksum":"[0-9a-f]+"/, with: "\"checksum\":\"00000001\"")
      default: "{\"kind\":"
      }
    #expect(edited != last)
    try write(Array(whole.dropLast()) + [edited], place)
    #expect(try !problems(place).isEmpty)
    #expect(try TrainingRun.resume(place.run).trainForTest().steps == 12)
    #expect(try !problems(place).isEmpty)
    var later = try lines(place)
    if later[whole.count - 1] == edited {
      later[whole.count - 1] = last
    } else {
      later.insert(last, at: whole.count - 1)
    }
    try write(later, place)
    #expect(try problems(place).isEmpty)
  }

  @Test("a log without its last newline is whole, and stays so")
  func newline() throws {
    let place = try trained()
    let log = RunDirectory(place.run).log
    let whole = try Data(contentsOf: log)
    try whole.dropLast().write(to: log)
    #expect(try problems(place).isEmpty)
    let recorder = EventRecorder()
    try TrainingRun.resume(place.run).trainForTest(recorder: recorder)
    #expect(!recorder.notes.contains { $0.contains("log") }, "\(recorder.notes)")
    #expect(try Data(contentsOf: log).starts(with: whole))
    #expect(try problems(place).isEmpty)
  }

  @Test("a killed session and one that goes back or begins anew leave no false alarm")
  func sound() throws {
    let place = try trained()
    #expect(try TrainingRun.open(place.run).manifest.logEnd?.step == 6)
    try TrainingRun.resume(place.run, fromStep: 4).trainForTest(interruptingAfter: 1)
    #expect(try problems(place).isEmpty)
    try TrainingRun.resume(place.run, fromBeginning: true).trainForTest(interruptingAfter: 3)
    #expect(try problems(place).isEmpty)
    // As a kill leaves it: a step beyond what was saved, and no end that anybody kept.
    try TrainingRun.resume(place.run).trainForTest()
    #expect(try problems(place).isEmpty)
    #expect(try TrainingRun.open(place.run).manifest.logEnd?.step == 12)
    try TrainingRun.resume(place.run).trainForTest()
    #expect(try problems(place).isEmpty)
  }

  @Test("a gap that a repair tells of is shown by inspect, report and compare")
  func gap() throws {
    let place = try trained()
    try write(try lines(place).filter { !$0.contains("\"step\",\"step\":3,") }, place)
    try TrainingRun.resume(place.run).trainForTest()
    #expect(try problems(place).isEmpty)
    #expect(try inspection(place).lostSteps.map { [$0.first, $0.last] } == [[3, 3]])
    let run = try ReportedRun(readingFrom: place.run)
    #expect(ReportPage(runs: [run]).html.contains("has lost step 3, as it says itself"))
    let comparison = try RunComparison(staged: [run], scratch: [run])
    #expect(comparison.notes.contains { $0.contains("has lost step 3") })
  }

  @Test("a run's file with an end that no line has is refused by key")
  func hostileEnd() throws {
    let place = try trained()
    let file = RunDirectory(place.run).manifest
    let text = try String(contentsOf: file, encoding: .utf8)
      .replacing(/\n *"checksum" : "[0-9a-f]{64}",/, with: "")
    let end = try #require(text.firstMatch(of: /"lineChecksum" : "([0-9a-f]{8})"/)).output.1
    for (old, new) in [
      ("\"step\" : 6", "\"step\" : -1"), ("\"step\" : 6", "\"step\" : \(Int.max)"),
      ("\"\(end)\"", "\"\\\"},{\\\"\""), ("\"\(end)\"", "\"\""),
    ] {
      let changed = text.replacing(old, with: new)
      #expect(changed != text)
      try Data(changed.utf8).write(to: file)
      let error = #expect(throws: StagingError.self) { try TrainingRun.open(place.run) }
      #expect(error?.message.contains("logEnd") == true)
    }
  }
}

@Suite("Engines in logs")
struct LoggedEngineTests {
  @Test("the log, inspect, report and compare tell what computed, and a resume what changed")
  func engines() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 6)
    let recorder = EventRecorder()
    _ = try TrainingRun.resume(place.run)
      .train(engine: CPUTrainingEngine(threads: 2), observer: recorder.hear)
    #expect(
      recorder.notes.contains {
        $0.contains(
          "goes on with the engine cpu with 2 threads; until here it was cpu with 1 thread,")
      }, "\(recorder.notes)")
    let events = try RunLogReader.records(path: RunDirectory(place.run).log.path).compactMap {
      if case .event(let event) = $0 { event } else { nil }
    }
    #expect(events.first?.engine == LoggedEngine(name: "cpu", threads: 1))
    #expect(events.last { $0.event == .resumed }?.engine?.threads == 2)
    guard case .run(let inspection) = try Inspection.of(place.run) else { return }
    let expected = "cpu with 1 thread; after step 6 cpu with 2 threads"
    #expect(EngineUse.text(inspection.engines) == expected)
    let run = try ReportedRun(readingFrom: place.run)
    #expect(ReportPage(runs: [run]).html.contains("Computed by \(expected)."))
    let comparison = try RunComparison(staged: [run], scratch: [run])
    #expect(comparison.notes.contains { $0.hasPrefix("different engines computed") })
    // The same engine again is no change.
    let same = EventRecorder()
    _ = try TrainingRun.resume(place.run)
      .train(engine: CPUTrainingEngine(threads: 2), observer: same.hear)
    #expect(!same.notes.contains { $0.contains("goes on with the engine") })
  }
}
