// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Planning
import Reporting
import RunLogs
import Staging
import Testing

@Suite("Logs that contradict their runs")
struct LogTruthTests {
  private func trained() throws -> Workplace {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 6)
    return place
  }

  /// Changes the value of a key in the line of a step.
  ///
  /// - Parameter strips: whether checksums are taken out of all lines, as in a log of before there were
  ///   any.
  /// - Returns: the line, from 1.
  @discardableResult
  private func edit(
    _ place: Workplace, step: Int, kind: String = "step", _ key: String, strips: Bool,
    _ change: (Double) -> String
  ) throws -> Int {
    let log = RunDirectory(place.run).log
    var lines = try String(contentsOf: log, encoding: .utf8).split(separator: "\n").map(String.init)
    let index = try #require(
      lines.firstIndex { $0.hasPrefix("{\"kind\":\"\(kind)\",\"step\":\(step),") })
    let match = try #require(lines[index].firstMatch(of: try Regex("\"\(key)\":([0-9.e+-]+)")))
    let value = try #require(Double(String(match.output[1].substring ?? "")))
    lines[index].replaceSubrange(match.range, with: "\"\(key)\":\(change(value))")
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: log)
    if strips { try strip(place, andManifest: true) }
    return index + 1
  }

  /// Takes the seals out of all lines.
  private func strip(_ place: Workplace, andManifest: Bool) throws {
    let directory = RunDirectory(place.run)
    let log = try String(contentsOf: directory.log, encoding: .utf8)
    try Data(log.replacing(/,"(after|checksum)":"[0-9a-f]+"/, with: "").utf8).write(
      to: directory.log)
    guard andManifest else { return }
    let manifest = try String(contentsOf: directory.manifest, encoding: .utf8)
    let older = manifest.replacing(/\n *("checksum" : "[0-9a-f]+"|"logIsSealed" : true),/, with: "")
      .replacing(/,?\s*"logEnd" : \{[^}]*\}/, with: "")
    try Data(older.utf8).write(to: directory.manifest)
  }

  private func problems(_ place: Workplace) throws -> [String] {
    guard case .run(let run) = try Inspection.of(place.run) else { return [] }
    return run.problems
  }

  @Test("a run's own log is believed, of one model and of stages, before and after a resume")
  func sound() throws {
    let place = try trained()
    #expect(try ReportedRun(readingFrom: place.run).logProblems.isEmpty)
    let recorder = EventRecorder()
    try TrainingRun.resume(place.run).trainForTest(recorder: recorder)
    #expect(!recorder.notes.contains { $0.contains("cannot be believed") })
    #expect(try ReportedRun(readingFrom: place.run).logProblems.isEmpty)
    let staged = try Workplace()
    let file = try staged.recipeFile(StagedRunTests.recipe())
    try TrainingRun.create(staged.run, recipe: file).trainForTest(interruptingAfter: 9)
    try TrainingRun.resume(staged.run).trainForTest()
    #expect(try ReportedRun(readingFrom: staged.run).logProblems.isEmpty)
    #expect(try problems(staged).isEmpty)
  }

  @Test(
    "a step's values that are not the sealed state's are told by line and field, without checksums",
    arguments: ["tokens", "flops", "seconds", "loss"])
  func againstCheckpoint(field: String) throws {
    let place = try trained()
    let line = try edit(place, step: 6, field, strips: true) {
      field == "tokens" ? "\(Int($0) + 1)" : "\($0 * 1.5 + 1)"
    }
    let found = try problems(place)
    #expect(found.contains { $0.contains("log.jsonl: line \(line), \(field): ") }, "\(found)")
    #expect(try !ReportedRun(readingFrom: place.run).logProblems.isEmpty)
  }

  @Test(
    "any value that was changed by hand is told by its line", arguments: ["step", "evaluation"])
  func checksums(kind: String) throws {
    let place = try trained()
    let key = kind == "step" ? "gradientNorm" : "validationLoss"
    let line = try edit(place, step: 4, kind: kind, key, strips: false) { "\($0 / 2)" }
    let expected = "line \(line): was changed or damaged since it was written"
    #expect(try problems(place).contains { $0.contains(expected) })
    #expect(try ReportedRun(readingFrom: place.run).logProblems.first?.hasPrefix(expected) == true)
    let error = #expect(throws: PlanningError.self) { try LossCurve(run: place.run) }
    #expect(error?.message.hasPrefix("its log cannot be believed: \(expected)") == true)
    #expect(
      ReportPage(runs: [try ReportedRun(readingFrom: place.run)]).html
        .contains("cannot be believed:</p><ul><li>\(expected)"))
    // The training goes on without it, and says so.
    let recorder = EventRecorder()
    #expect(try TrainingRun.resume(place.run).trainForTest(recorder: recorder).steps == 12)
    #expect(recorder.notes.contains { $0.contains("the log cannot be believed: \(expected)") })
    let left = try ReportedRun(readingFrom: place.run).logProblems
    #expect(left.count == 1, "\(left)")
  }

  @Test("a log of which all seals were taken out is not believed, and one that never had any is")
  func stripped() throws {
    let place = try trained()
    try strip(place, andManifest: false)
    let expected = "line 1: has no checksum, as every line of this log had"
    #expect(try problems(place).contains { $0.contains("log.jsonl: \(expected)") })
    #expect(try ReportedRun(readingFrom: place.run).logProblems.first == expected)
    let older = try trained()
    try strip(older, andManifest: true)
    #expect(try problems(older).isEmpty)
    #expect(try TrainingRun.resume(older.run).trainForTest().steps == 12)
    #expect(try ReportedRun(readingFrom: older.run).logProblems.isEmpty)
  }

  @Test(
    "an evaluation or event that was taken out is told by the line after it, and no resume hides it",
    arguments: ["\"evaluation\",\"step\":4", "\"event\":\"checkpoint\",\"step\":4"])
  func takenOut(text: String) throws {
    let place = try trained()
    let log = RunDirectory(place.run).log
    var lines = try String(contentsOf: log, encoding: .utf8).split(separator: "\n")
    let index = try #require(lines.firstIndex { $0.contains(text) })
    lines.remove(at: index)
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: log)
    let expected =
      "line \(index + 1): was not written after the line before it: lines between them were taken out, or the "
      + "order was changed"
    #expect(try ReportedRun(readingFrom: place.run).logProblems == [expected])
    let recorder = EventRecorder()
    try TrainingRun.resume(place.run).trainForTest(recorder: recorder)
    #expect(recorder.notes.contains { $0.contains("the log cannot be believed: \(expected)") })
    #expect(try ReportedRun(readingFrom: place.run).logProblems == [expected])
  }

  @Test("a resume takes no time from a line that cannot be believed")
  func seconds() throws {
    let place = try trained()
    let log = RunDirectory(place.run).log
    let text = try String(contentsOf: log, encoding: .utf8)
    let changed = text.replacing(
      /"event":"interrupted",(.*)"seconds":[0-9.e-]+/,
      with: { "\"event\":\"interrupted\",\($0.output.1)\"seconds\":1e9" })
    #expect(changed != text)
    try Data(changed.utf8).write(to: log)
    #expect(try TrainingRun.resume(place.run).trainForTest().seconds < 1e6)
  }

  @Test("of a log behind a link the copy that is kept is a file, and the link stays")
  func link() throws {
    let place = try trained()
    let log = RunDirectory(place.run).log
    let elsewhere = place.url.appending(path: "elsewhere.jsonl")
    try FileManager.default.moveItem(at: log, to: elsewhere)
    try FileManager.default.createSymbolicLink(at: log, withDestinationURL: elsewhere)
    let lines = try String(contentsOf: elsewhere, encoding: .utf8).split(separator: "\n")
    let broken = (lines.filter { !$0.contains("\"step\",\"step\":3,") } + [""]).joined(
      separator: "\n")
    try Data(broken.utf8).write(to: elsewhere)
    try TrainingRun.resume(place.run).trainForTest()
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: log.path) == elsewhere.path)
    let copy = place.run.appending(path: "log-old-1.jsonl")
    #expect(try Data(contentsOf: copy) == Data(broken.utf8))
    #expect(
      try FileManager.default.attributesOfItem(atPath: copy.path)[.type] as? FileAttributeType
        == .typeRegular)
    #expect(try RunLogReader.records(path: elsewhere.path).last?.step == 12)
  }
}
