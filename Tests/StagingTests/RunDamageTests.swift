// SPDX-License-Identifier: Apache-2.0
import CPUEngine
import Checkpoints
import Foundation
import RunLogs
import Staging
import Testing
import Training

@Suite("Runs whose files were edited, lost or mixed up")
struct RunDamageTests {
  private func trained(_ overrides: [String] = []) throws -> Workplace {
    let place = try Workplace()
    try place.create(overrides).trainForTest(interruptingAfter: 6)
    return place
  }

  private func resumeError(_ place: Workplace) -> StagingError? {
    #expect(throws: StagingError.self) { try TrainingRun.resume(place.run).trainForTest() }
  }

  private func problems(_ url: URL) throws -> [String] {
    let inspection = try Inspection.of(url)
    guard case .run(let run) = inspection else { return [] }
    #expect(inspection.isDamaged == !run.problems.isEmpty)
    return run.problems
  }

  private func edit(_ file: URL, _ change: (inout [Substring]) -> Void) throws {
    var lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
    change(&lines)
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
  }

  private func names(_ place: Workplace) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: place.run.path)
  }

  @Test("an edited recipe is refused, and found by inspect", arguments: ["peak: 2e-2", "# note"])
  func editedRecipe(change: String) throws {
    let place = try trained()
    #expect(try problems(place.run).isEmpty)
    let recipe = RunDirectory(place.run).recipe
    let text = try String(contentsOf: recipe, encoding: .utf8)
    let edited =
      change.hasPrefix("#") ? "\(text)\n\(change)" : text.replacing("peak: 1e-2", with: change)
    try Data(edited.utf8).write(to: recipe)
    let error = resumeError(place)
    #expect(error?.code == .runUnavailable)
    #expect(error?.subject == recipe.path)
    #expect(error?.message.contains("--set key.path=value") == true)
    #expect(try problems(place.run).count == 1)
    // Undone, it goes on.
    try Data(text.utf8).write(to: recipe)
    #expect(try TrainingRun.resume(place.run).trainForTest().steps == 12)
  }

  @Test("a run of before hashes were kept is resumed as ever")
  func olderRun() throws {
    let place = try trained()
    try forgetHashes(of: place.run)
    #expect(try TrainingRun.open(place.run).manifest.recipeHash == nil)
    let recipe = RunDirectory(place.run).recipe
    try Data((try String(contentsOf: recipe, encoding: .utf8) + "\n# note\n").utf8).write(
      to: recipe)
    #expect(try TrainingRun.resume(place.run).trainForTest().steps == 12)
  }

  @Test("lost checkpoints are not taken for a run that never began")
  func lostCheckpoints() throws {
    let place = try trained()
    let directory = RunDirectory(place.run)
    let log = try Data(contentsOf: directory.log)
    for item in try place.checkpoints.list() { try FileManager.default.removeItem(at: item.url) }
    let error = resumeError(place)
    #expect(error?.code == .runUnavailable)
    #expect(error?.message.contains("the log tells of one that was saved at step 6") == true)
    #expect(error?.message.contains("--from-beginning") == true)
    #expect(try Data(contentsOf: directory.log) == log)
    #expect(try problems(place.run).contains { $0.contains("step 6, which is gone") })
    // Begun anew, all that was there is kept aside.
    let anew = try TrainingRun.resume(place.run, fromBeginning: true)
    #expect(try anew.trainForTest().steps == 12)
    #expect(try Data(contentsOf: place.run.appending(path: "old-1/log.jsonl")) == log)
    #expect(try place.loggedSteps().map(\.step) == Array(1...12))
  }

  @Test("a run broken off before its first checkpoint begins anew, as ever")
  func noCheckpointYet() throws {
    let place = try Workplace()
    try place.create(["checkpoint.every=50 steps"]).trainForTest(interruptingAfter: 3)
    for item in try place.checkpoints.list() { try FileManager.default.removeItem(at: item.url) }
    try edit(RunDirectory(place.run).log) { lines in
      lines.removeAll { $0.contains("checkpoint") }
    }
    #expect(try TrainingRun.resume(place.run).trainForTest().steps == 12)
    #expect(try place.loggedSteps().map(\.step) == Array(1...12))
  }

  @Test("of lost checkpoints the newest stage is offered, and the run goes on from it")
  func stageOffered() throws {
    let place = try Workplace()
    let file = try place.recipeFile(StagedRunTests.recipe())
    try TrainingRun.create(place.run, recipe: file).trainForTest(interruptingAfter: 12)
    for item in try place.checkpoints.list() { try FileManager.default.removeItem(at: item.url) }
    let stage = RunDirectory(place.run).stages.appending(path: "stage-1")
    let target = place.checkpoints.url(step: 7)
    let error = resumeError(place)
    #expect(
      error?.message.contains("&& cp -r '\(stage.path)' '\(target.path)'`") == true,
      "\(error?.message ?? "")")
    try FileManager.default.copyItem(at: stage, to: target)
    let recorder = EventRecorder()
    let summary = try TrainingRun.resume(place.run).trainForTest(recorder: recorder)
    #expect(summary.outcome == .finished && summary.stage == 2)
    // What the log had beyond is kept.
    #expect(recorder.notes.contains { $0.contains("kept as log-old-1.jsonl") })
    #expect(try names(place).contains("log-old-1.jsonl"))
    #expect(try place.loggedSteps().map(\.step) == Array(1...summary.steps))
  }

  @Test("what is advised where every checkpoint is damaged makes room for the stage's state")
  func stageOfferedBesideDamage() throws {
    let place = try Workplace()
    let file = try place.recipeFile(StagedRunTests.recipe())
    try TrainingRun.create(place.run, recipe: file).trainForTest(interruptingAfter: 7)
    for item in try place.checkpoints.list() {
      try flipLastByte(of: item.url.appending(path: "model.safetensors"))
    }
    let message = try #require(resumeError(place)?.message)
    let command = try #require(message.firstMatch(of: /after `([^`]+)`/)).output.1
    let shell = Process()
    shell.executableURL = URL(filePath: "/bin/sh")
    shell.arguments = ["-c", String(command)]
    try shell.run()
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 0, "\(command)")
    #expect(try TrainingRun.resume(place.run).trainForTest().outcome == .finished)
  }

  @Test(
    "a log that lost or doubled lines is put in order, told, and kept as it was",
    arguments: ["missing", "doubled", "shuffled", "cut", "deleted"])
  func brokenLog(how: String) throws {
    let place = try trained()
    let log = RunDirectory(place.run).log
    func index(_ lines: [Substring], step: Int) throws -> Int {
      try #require(lines.firstIndex { $0.hasPrefix("{\"kind\":\"step\",\"step\":\(step),") })
    }
    let whole = try String(contentsOf: log, encoding: .utf8).split(separator: "\n")
    let (third, fourth) = try (index(whole, step: 3), index(whole, step: 4))
    switch how {
    case "missing": try edit(log) { $0.remove(at: third) }
    case "doubled": try edit(log) { $0.insert($0[third], at: third) }
    case "shuffled": try edit(log) { $0.swapAt(third, fourth) }
    case "cut": try edit(log) { $0.removeSubrange(fourth...) }
    default: try FileManager.default.removeItem(at: log)
    }
    let broken = try? Data(contentsOf: log)
    #expect(try !problems(place.run).isEmpty)
    let recorder = EventRecorder()
    #expect(try TrainingRun.resume(place.run).trainForTest(recorder: recorder).steps == 12)
    #expect(recorder.notes.contains { $0.contains("the log is not whole") })
    if let broken {
      #expect(try Data(contentsOf: place.run.appending(path: "log-old-1.jsonl")) == broken)
    }
    let lost = ["missing": [3], "cut": [4, 5, 6], "deleted": Array(1...6)][how] ?? []
    #expect(try place.loggedSteps().map(\.step) == (1...12).filter { !lost.contains($0) })
    // Told once: the log says it itself from then on.
    #expect(try problems(place.run).isEmpty)
    #expect(throws: Never.self) {
      let again = EventRecorder()
      try TrainingRun.resume(place.run).trainForTest(recorder: again)
      #expect(!again.notes.contains { $0.contains("not whole") })
    }
  }

  @Test("a line that is no record is refused with its number and what to do")
  func damagedLine() throws {
    let place = try trained()
    try edit(RunDirectory(place.run).log) { $0[3] = "{\"kind\":\"step\"" }
    let error = #expect(throws: RunLogsError.self) {
      try TrainingRun.resume(place.run).trainForTest()
    }
    #expect(error?.subject.hasSuffix("log.jsonl:4") == true)
    #expect(error?.message.contains("take the line out") == true)
    #expect(error?.message.contains("Error") == false)
    #expect(try problems(place.run).contains { $0.contains("log.jsonl:4") })
  }

  @Test("another run's checkpoint is told from the run's own")
  func foreignCheckpoint() throws {
    let (place, other) = try (trained(), trained(["seed=9"]))
    let url = place.checkpoints.url(step: 6)
    try FileManager.default.removeItem(at: url)
    try FileManager.default.copyItem(at: other.checkpoints.url(step: 6), to: url)
    let error = resumeError(place)
    #expect(error?.message.hasPrefix("the checkpoint of step 6 is not of this run") == true)
    #expect(try problems(place.run).contains { $0.contains("is not of this run") })
  }

  @Test("the newest checkpoint gone, the one before goes on and the log is kept")
  func newestGone() throws {
    let place = try trained()
    let whole = try Workplace()
    try whole.create().trainForTest()
    try FileManager.default.removeItem(at: place.checkpoints.url(step: 6))
    let recorder = EventRecorder()
    try TrainingRun.resume(place.run).trainForTest(recorder: recorder)
    #expect(recorder.notes.contains { $0.contains("a checkpoint at step 6, which is gone") })
    #expect(try place.loggedSteps() == whole.loggedSteps())
  }

  @Test("a damaged newest checkpoint is in the summary")
  func passedOver() throws {
    let place = try trained()
    try flipLastByte(of: place.checkpoints.url(step: 6).appending(path: "model.safetensors"))
    let summary = try TrainingRun.resume(place.run).trainForTest()
    #expect(summary.passedOver?.first?.checkpoint.hasSuffix("step-00000006") == true)
    #expect(summary.outcome == .finished)
  }

  @Test("a run without its run.json is not taken for an empty directory")
  func lostManifest() throws {
    let place = try trained()
    try FileManager.default.removeItem(at: RunDirectory(place.run).manifest)
    for body in [
      { _ = try TrainingRun.resume(place.run) }, { _ = try place.create() },
    ] as [() throws -> Void] {
      let error = #expect(throws: StagingError.self) { try body() }
      #expect(error?.message.contains("its run.json is gone") == true)
    }
  }

  @Test("a flipped bit anywhere in run.json is told, or changes nothing that it says")
  func flippedManifest() throws {
    let place = try trained(["optimizer.clip=0.5"])
    let file = RunDirectory(place.run).manifest
    let (bytes, manifest) = (try Data(contentsOf: file), try TrainingRun.open(place.run).manifest)
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 1 << UInt8(index % 8)
      try damaged.write(to: file)
      let read = try? TrainingRun.open(place.run).manifest
      #expect(read == nil || read == manifest, "byte \(index)")
    }
    let text = String(decoding: bytes, as: UTF8.self)
    try Data(text.replacing("0.5", with: "0.7").utf8).write(to: file)
    let error = resumeError(place)
    #expect(error?.code == .runUnavailable && error?.subject == file.path)
    #expect(error?.message.contains("its checksum is not that of its text") == true)
    #expect(try problems(place.run).contains { $0.hasPrefix(file.path) })
    // Whoever means the change takes the checksum out; the next session writes it again.
    let lines = text.replacing("0.5", with: "0.7").split(separator: "\n")
    try Data(lines.filter { !$0.contains("checksum") }.joined(separator: "\n").utf8).write(to: file)
    #expect(try TrainingRun.open(place.run).recipe.training.optimizer.clip == 0.7)
    #expect(try problems(place.run).isEmpty)
  }

  @Test("damage to the tokens that a run keeps is told by inspect, as a resume refuses it")
  func damagedTokens() throws {
    let place = try trained()
    let data = RunDirectory(place.run).data
    let kept = data.appending(
      path: try #require(try FileManager.default.contentsOfDirectory(atPath: data.path).first))
    for name in ["train-00000.bin", "tokenizer.json", "manifest.json"] {
      let file = kept.appending(path: name)
      let whole = try Data(contentsOf: file)
      try flipLastByte(of: file)
      #expect(try !problems(place.run).isEmpty, "a flip in \(name)")
      try (whole + Data("x".utf8)).write(to: file)
      #expect(try !problems(place.run).isEmpty, "a byte behind \(name)")
      try FileManager.default.removeItem(at: file)
      #expect(try !problems(place.run).isEmpty, "without \(name)")
      try whole.write(to: file)
      #expect(try problems(place.run).isEmpty)
    }
    try FileManager.default.removeItem(at: data)
    #expect(try problems(place.run).first?.contains("holds no whole tokens") == true)
  }

  @Test("a run that is moved while it trains saves nothing where another may be")
  func movedAway() throws {
    let place = try Workplace()
    let run = try place.create()
    let elsewhere = place.url.appending(path: "elsewhere", directoryHint: .isDirectory)
    let recorder = EventRecorder()
    let error = #expect(throws: StagingError.self) {
      try run.train(
        engine: CPUTrainingEngine(threads: 1),
        observer: { [place] event in
          recorder.hear(event)
          let isThere = FileManager.default.fileExists(atPath: place.run.path)
          if recorder.stepCount >= 5, isThere {
            try? FileManager.default.moveItem(at: place.run, to: elsewhere)
          }
        })
    }
    #expect(error?.code == .runUnavailable)
    #expect(error?.message.contains("was moved, removed or replaced") == true)
    #expect(!FileManager.default.fileExists(atPath: place.run.path))
    // Where it is now, it goes on.
    #expect(try TrainingRun.resume(elsewhere).trainForTest().steps == 12)
  }

  @Test("damage to a growth's receipt is told by inspect and on resume, and stops nothing")
  func damagedReceipt() throws {
    let place = try Workplace()
    let file = try place.recipeFile(StagedRunTests.recipe())
    try TrainingRun.create(place.run, recipe: file).trainForTest(interruptingAfter: 9)
    let receipt = RunDirectory(place.run).growth(1).appending(path: "growth.json")
    let text = try String(contentsOf: receipt, encoding: .utf8)
    // The seed of the growth's noise, in a value that nothing else contradicts.
    let changed = text.replacing(/"seed" ?: ?6/, with: "\"seed\": 7", maxReplacements: 1)
    #expect(changed != text)
    try Data(changed.utf8).write(to: receipt)
    #expect(try Inspection.of(place.run).isDamaged)
    let recorder = EventRecorder()
    #expect(try TrainingRun.resume(place.run).trainForTest(recorder: recorder).outcome == .finished)
    #expect(recorder.notes.contains { $0.contains("growth-1/: growth.json has") })
    // A receipt of before manifests stood beside them.
    try Data(text.utf8).write(to: receipt)
    try FileManager.default.removeItem(
      at: RunDirectory(place.run).growth(1).appending(path: "manifest.json"))
    #expect(try !Inspection.of(place.run).isDamaged)
  }

  @Test("damage in a staged run's stages, receipts and plan is found")
  func stagedDamage() throws {
    let place = try Workplace()
    let file = try place.recipeFile(StagedRunTests.recipe())
    try TrainingRun.create(place.run, recipe: file).trainForTest()
    let directory = RunDirectory(place.run)
    func inspect() throws -> RunInspection {
      guard case .run(let run) = try Inspection.of(place.run) else {
        throw CocoaError(.fileNoSuchFile)
      }
      return run
    }
    #expect(try !Inspection.of(place.run).isDamaged)
    #expect(try inspect().stages.map(\.name) == ["stage-1"])
    let weights = directory.stages.appending(path: "stage-1/optimizer.safetensors")
    let bytes = try Data(contentsOf: weights)
    try flipLastByte(of: weights)
    #expect(try Inspection.of(place.run).isDamaged)
    #expect(try inspect().stages.first?.problems.count == 1)
    try bytes.write(to: weights)
    // A plan that is changed, and one that is gone.
    let plan = try String(contentsOf: directory.plan, encoding: .utf8)
    try Data(plan.replacing("7 steps", with: "8 steps").utf8).write(to: directory.plan)
    #expect(try inspect().problems.contains { $0.contains("plan.json") })
    #expect(resumeError(place)?.subject == directory.plan.path)
    try Data("{".utf8).write(to: directory.plan)
    #expect(try inspect().problems.contains { $0.contains("plan.json") })
    try FileManager.default.removeItem(at: directory.plan)
    #expect(try inspect().problems.contains { $0.contains("plan.json") })
    try Data(plan.utf8).write(to: directory.plan)
    #expect(try !Inspection.of(place.run).isDamaged)
    for part in ["stage-1", "growth-1"] {
      let url = directory.stages.appending(path: part)
      let aside = place.url.appending(path: part)
      try FileManager.default.moveItem(at: url, to: aside)
      #expect(try inspect().problems.contains { $0.contains("\(part)/: is missing") })
      try FileManager.default.moveItem(at: aside, to: url)
    }
  }
}
