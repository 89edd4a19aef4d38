// SPDX-License-Identifier: Apache-2.0
import Foundation
import Staging
import Testing

@Suite("Inspection of runs that cannot be opened")
struct DamagedInspectionTests {
  private func trained() throws -> Workplace {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 6)
    return place
  }

  @Test(
    "what there is beside an unreadable run.json or recipe is told, with the fault",
    arguments: ["run.json", "recipe.yaml"], ["cut", "gibberish"])
  func unreadable(name: String, how: String) throws {
    let place = try trained()
    let file = place.run.appending(path: name)
    let bytes = try Data(contentsOf: file)
    try (how == "cut" ? bytes.prefix(40) : Data("{[: \u{1}".utf8)).write(to: file)
    let inspection = try Inspection.of(place.run)
    guard case .run(let run) = inspection else {
      Issue.record("it is no run any more")
      return
    }
    #expect(inspection.isDamaged)
    #expect(run.recipe == nil && run.steps == 6)
    #expect(run.checkpoints.map(\.step) == [2, 4, 6])
    #expect(run.newestWhole == "step-00000006")
    #expect(run.problems.contains { $0.contains(name) }, "\(run.problems)")
    let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(inspection))
    #expect((json as? [String: Any])?["kind"] as? String == "run")
    #expect((json as? [String: Any])?["steps"] as? Int == 6)
  }

  @Test(
    "values of run.json that no run has are refused by their key",
    arguments: [
      (
        "began.floatingPointOperations", "\"floatingPointOperations\" : 0",
        "\"floatingPointOperations\" : -1"
      ),
      ("began.seconds", "\"seconds\" : 0", "\"seconds\" : -2.5"),
      ("threads", "\"threads\" : 1", "\"threads\" : -3"),
      ("peaks[0].floatingPointOperationsPerSecond", "PerSecond\" : 7", "PerSecond\" : -7"),
      ("peaks[0].threads", "\"threads\" : 2", "\"threads\" : 0"),
    ])
  func impossible(key: String, old: String, new: String) throws {
    let place = try Workplace()
    _ = try TrainingRun.create(place.run, recipe: try place.recipeFile(), threads: 1)
    let file = RunDirectory(place.run).manifest
    let peak =
      "{\"engine\":\"e\",\"machine\":\"m\",\"threads\" : 2,\"precision\":\"fp32\","
      + "\"floatingPointOperationsPerSecond\" : 7}"
    let text = try String(contentsOf: file, encoding: .utf8)
      .replacing(/\ *"checksum" : "[0-9a-f]+",\n/, with: "")
      .replacing(/"peaks" : \[\s*\]/, with: "\"peaks\" : [\(peak)]")
      .replacing(
        "\"formatVersion\"",
        with: "\"began\" : {\"steps\" : 0, \"tokens\" : 0, \"floatingPointOperations\" : 0, "
          + "\"seconds\" : 0}, \"formatVersion\"")
    try Data(text.utf8).write(to: file)
    #expect(throws: Never.self) { try TrainingRun.open(place.run) }
    let changed = text.replacing(old, with: new)
    #expect(changed != text)
    try Data(changed.utf8).write(to: file)
    let error = #expect(throws: StagingError.self) { try TrainingRun.open(place.run) }
    #expect(error?.message.hasPrefix("\(key): ") == true, "\(error?.message ?? "")")
  }
}
