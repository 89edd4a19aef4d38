// SPDX-License-Identifier: Apache-2.0
import Foundation
import Reporting
import RunLogs
import Testing

@Suite("A run's course")
struct RunCourseTests {
  @Test("measures and stages of the curves")
  func curves() {
    var run = SyntheticRun()
    run.growths = [300, 600]
    let course = run.course
    #expect(course.steps.count == 1000 && course.evaluations.count == 50)
    #expect(course.growths.map(\.step) == [300, 600])
    #expect(course.validationCurve(.steps).map(\.x).first == 20)
    #expect(course.validationCurve(.steps, stage: .last).map(\.x).first == 620)
    #expect(course.validationCurve(.tokens).last?.x == 4_096_000)
    #expect(course.validationCurve(.compute).last?.x == 1e12)
    #expect(abs((course.trainingCurve(.seconds).last?.x ?? 0) - 1000) < 1e-9)
  }

  @Test("stages have their own costs, and the models that the log names")
  func stages() {
    var run = SyntheticRun()
    run.growths = [300, 600]
    let stages = RunStage.stages(of: run.run)
    #expect(stages.map(\.number) == [1, 2, 3])
    #expect(stages.map(\.model) == ["small", "large", "large"])
    #expect(stages.map { $0.end.steps - $0.start.steps } == [300, 300, 400])
    #expect(abs(stages.reduce(0) { $0 + $1.end.flops - $1.start.flops } - 1e12) < 1)
    #expect(stages[1].lastLoss == run.loss(600e9))
    let single = RunStage.stages(of: SyntheticRun().run)
    #expect(single.map(\.model) == ["gpt2"])
    #expect(RunStage.stages(of: ReportedRun(name: "new", course: RunCourse())).count == 1)
  }

  @Test("verifications are read from the events")
  func verification() {
    func event(_ name: EventRecord.Name, _ details: [String: LogValue]) -> RunRecord {
      .event(
        EventRecord(event: name, step: 7, tokens: 1, flops: 1, seconds: 1, details: details))
    }
    let checks = MeasuredPromise.all(
      in: RunCourse([
        event(.grown, ["lossBefore": 3.5, "lossAfter": 3.5, "holds": true]),
        event(
          "verified", ["guarantee": "loss", "measured": 1e-7, "allowed": 1e-5, "holds": false]),
        event("verified", ["measured": 1]), event(.grown, [:]), event(.checkpoint, [:]),
      ]))
    #expect(checks.map(\.holds) == [true, false])
    #expect(checks.map(\.step) == [7, 7])
    #expect(checks[0].measured == "3.5 → 3.5")
    #expect(checks[1].guarantee == "loss")
    #expect(checks[1].allowed == "1.00×10⁻⁵")
  }

  @Test("a log is read whole, but for its torn end")
  func file() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "course-\(UUID()).jsonl")
    defer { try? FileManager.default.removeItem(at: url) }
    let records = SyntheticRun(steps: 3).course.steps.map { RunRecord.step($0).jsonLine }
    try Data((records.joined(separator: "\n") + "\n{\"kind\":\"st").utf8).write(to: url)
    #expect(try RunCourse(readingFrom: url.path).steps.count == 3)
    #expect(throws: RunLogsError.self) { try RunCourse(readingFrom: "/nowhere/log.jsonl") }
  }
}
