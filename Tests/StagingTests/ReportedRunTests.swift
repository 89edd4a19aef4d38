// SPDX-License-Identifier: Apache-2.0
import Foundation
import Reporting
import Staging
import Testing

@Suite("Runs as reports see them")
struct ReportedRunTests {
  @Test("a run's directory is read whole")
  func whole() throws {
    let place = try Workplace()
    try place.create(["seed=9"]).trainForTest()
    let run = try ReportedRun(readingFrom: place.run)
    #expect(run.name == "run")
    #expect(run.course.steps.count == 12)
    #expect(run.course.evaluations.map(\.step) == [4, 8, 12])
    #expect(run.model?.parameterCount == 3008)
    #expect(run.model?.description.hasPrefix("gpt2, 1 layer, hidden 8, 2 heads of 4") == true)
    #expect(run.seed == 9)
    // The last step of the schedule has its floor.
    #expect(run.decay == .complete)
    #expect(run.data != nil && run.data?.validation != nil)
    #expect(run.lineage.map(\.operation) == ["initialized"])
    #expect(run.checkpoints.map(\.step) == [8, 10, 12])
    #expect(run.overrides == ["seed=9"])
    #expect(run.recipe == Workplace.recipe)
    #expect(run.machine != nil)
  }

  @Test("a run on its way has a partly decayed rate; equal tokens have equal identities")
  func partly() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 9)
    let run = try ReportedRun(readingFrom: place.run)
    guard case .partial(let share) = run.decay else {
      Issue.record("\(run.decay)")
      return
    }
    #expect(share > 0.1 && share < 1)
    let again = try Workplace()
    try again.create().trainForTest(interruptingAfter: 1)
    #expect(try ReportedRun(readingFrom: again.run).data == run.data)
    let other = try Workplace()
    try other.create(["data.validation.fraction=0.3"]).trainForTest(interruptingAfter: 1)
    let data = try ReportedRun(readingFrom: other.run).data
    #expect(data?.validation != run.data?.validation)
    #expect(data?.tokenizer == run.data?.tokenizer)
  }

  @Test("a run that has not begun, and one without its data, can be drawn")
  func missing() throws {
    let place = try Workplace()
    _ = try place.create()
    let new = try ReportedRun(readingFrom: place.run)
    #expect(new.course.steps.isEmpty && new.data == nil && new.decay == .unknown)
    #expect(new.model?.parameterCount == 3008)
    #expect(throws: StagingError.self) { try ReportedRun(readingFrom: place.url) }
  }

  @Test("runs are named by the ends of their paths that differ")
  func names() throws {
    func names(_ paths: [String]) -> [String] { ReportedRun.names(paths.map { URL(filePath: $0) }) }
    #expect(names(["/a/x", "/a/y/"]) == ["x", "y"])
    #expect(names(["/a/x/run", "/a/y/run"]) == ["x/run", "y/run"])
    #expect(names(["/a/x", "/a/x"]) == ["x", "x (2)"])
    #expect(names(["/"]) == [""])
    #expect(names([]) == [])
  }
}
