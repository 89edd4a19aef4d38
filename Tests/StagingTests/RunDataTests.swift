// SPDX-License-Identifier: Apache-2.0
import Foundation
import Staging
import Testing
import Text

@Suite("Data of runs")
struct RunDataTests {
  private func datasets(of place: Workplace) throws -> [String] {
    try FileManager.default.contentsOfDirectory(
      atPath: RunDirectory(place.run).data.path(percentEncoded: false)
    ).filter { !$0.hasPrefix(".") }
  }

  private func isPreparing(_ event: TrainingRunEvent) -> Bool {
    guard case .preparing = event else { return false }
    return true
  }

  @Test("text is prepared once")
  func preparedOnce() throws {
    let place = try Workplace()
    let first = EventRecorder()
    try place.create().trainForTest(recorder: first, interruptingAfter: 1)
    #expect(first.all.contains(where: isPreparing))
    #expect(try datasets(of: place).count == 1)

    let second = EventRecorder()
    try TrainingRun.resume(place.run).trainForTest(recorder: second, interruptingAfter: 1)
    #expect(!second.all.contains(where: isPreparing))
    #expect(try datasets(of: place).count == 1)
    #expect(second.notes.isEmpty)
  }

  @Test("a run keeps its tokens where its text changes or goes away")
  func changedText() throws {
    let whole = try Workplace()
    try whole.create().trainForTest()

    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 3)
    let corpus = place.url.appending(path: "corpus.txt")
    try Data("something else".utf8).write(to: corpus)
    let recorder = EventRecorder()
    try TrainingRun.resume(place.run).trainForTest(recorder: recorder, interruptingAfter: 3)
    #expect(recorder.notes.count == 1)
    #expect(recorder.notes.first?.contains("goes on with the tokens it has") == true)

    try FileManager.default.removeItem(at: corpus)
    try TrainingRun.resume(place.run).trainForTest()
    #expect(try place.loggedSteps() == whole.loggedSteps())
  }

  @Test(
    "texts that were copied or touched are the same texts, and lost tokens are made of them again")
  func lostTokens() throws {
    let whole = try Workplace()
    try whole.create().trainForTest()

    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 3)
    let corpus = place.url.appending(path: "corpus.txt")
    let date = Date(timeIntervalSince1970: 1e9)
    try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: corpus.path)
    func goOn(_ steps: Int?) throws {
      let recorder = EventRecorder()
      try TrainingRun.resume(place.run).trainForTest(recorder: recorder, interruptingAfter: steps)
      #expect(recorder.notes.isEmpty)
    }
    try goOn(2)

    // Of a directory that lost its manifest nothing is taken, and nothing is in the way.
    let data = RunDirectory(place.run).data
    let kept = data.appending(path: try #require(try datasets(of: place).first))
    try FileManager.default.removeItem(at: kept.appending(path: "manifest.json"))
    try goOn(2)
    #expect(try datasets(of: place).count == 2)

    try FileManager.default.removeItem(at: data)
    try goOn(nil)
    #expect(try place.loggedSteps() == whole.loggedSteps())
  }

  @Test("tokens that are made again of other texts are refused, and not kept")
  func otherTokens() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 3)
    let corpus = place.url.appending(path: "corpus.txt")
    let text = try Data(contentsOf: corpus)
    try FileManager.default.removeItem(at: RunDirectory(place.run).data)
    try Data(Workplace.text(lines: 90).utf8).write(to: corpus)
    let error = #expect(throws: StagingError.self) {
      try TrainingRun.resume(place.run).trainForTest()
    }
    #expect(error?.code == .dataUnavailable)
    #expect(error?.message.contains("put the texts back as they were") == true)
    #expect(!FileManager.default.fileExists(atPath: RunDirectory(place.run).data.path))
    try text.write(to: corpus)
    #expect(try TrainingRun.resume(place.run).trainForTest().steps == 12)
  }

  @Test("damaged tokens of a run's own say how they are made again, which works")
  func damagedTokens() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 3)
    let data = RunDirectory(place.run).data
    let kept = data.appending(path: try #require(try datasets(of: place).first))
    try flipLastByte(of: kept.appending(path: "train-00000.bin"))
    let error = #expect(throws: TextError.self) { try TrainingRun.resume(place.run).trainForTest() }
    #expect(error?.message.contains("move '\(data.path)' away") == true, "\(error?.message ?? "")")
    try FileManager.default.moveItem(at: data, to: place.url.appending(path: "away"))
    #expect(try TrainingRun.resume(place.run).trainForTest().steps == 12)
  }

  @Test("prepared data train as the text they were made of does")
  func preparedDirectory() throws {
    let place = try Workplace()
    try place.create().trainForTest()
    let name = try #require(try datasets(of: place).first)
    let prepared = RunDirectory(place.run).data.appending(path: name)

    let text = Workplace.recipe.split(separator: "\n")
      .filter { !$0.hasPrefix("tokenizer:") }
      .map { $0.hasPrefix("data:") ? "data: \(prepared.path(percentEncoded: false))" : String($0) }
      .joined(separator: "\n")
    let other = try Workplace()
    try TrainingRun.create(other.run, recipe: try other.recipeFile(text)).trainForTest()
    #expect(try other.loggedSteps() == place.loggedSteps())
    #expect(
      !FileManager.default.fileExists(
        atPath: RunDirectory(other.run).data.path(percentEncoded: false)))
  }

  @Test("validation files of their own are used")
  func validationFiles() throws {
    let place = try Workplace()
    try Data(Workplace.text(lines: 30).utf8).write(to: place.url.appending(path: "other.txt"))
    let recorder = EventRecorder()
    try place.create(["data.validation=other.txt"]).trainForTest(
      recorder: recorder, interruptingAfter: 4)
    guard case .ready(let outline)? = recorder.all.first(where: \.isReady) else {
      Issue.record("the run never told that it was ready")
      return
    }
    // One token per byte, and one at the end of the text.
    #expect(outline.validationTokens == Workplace.text(lines: 30).utf8.count + 1)
    #expect(outline.trainingTokens == Workplace.text(lines: 120).utf8.count + 1)
  }

  @Test("too little validation text is told, and is an error where the run stops by it")
  func shortValidation() throws {
    let place = try Workplace()
    try Data("tiny".utf8).write(to: place.url.appending(path: "tiny.txt"))
    let recorder = EventRecorder()
    try place.create(["data.validation=tiny.txt", "stop.after=4 steps"])
      .trainForTest(recorder: recorder)
    #expect(
      recorder.notes == [
        "No validation: the validation text has 5 tokens, fewer than one sequence of 8; raise "
          + "data.validation.fraction for some"
      ])

    let stopping = try TrainingRun.resume(
      place.run, overrides: [try RecipeOverride(parsing: "stop.loss=1")])
    let error = #expect(throws: StagingError.self) { try stopping.trainForTest() }
    #expect(error?.code == .dataUnavailable)
  }

  @Test("an evaluation takes no text twice")
  func fewValidationBatches() throws {
    let place = try Workplace()
    // 5 sequences of 8 tokens and the token after them: batches of 4 and 1.
    try Data(String(repeating: "ab", count: 20).utf8).write(
      to: place.url.appending(path: "short.txt"))
    let recorder = EventRecorder()
    try place.create(["data.validation=short.txt", "evaluate.batches=20", "stop.after=4 steps"])
      .trainForTest(recorder: recorder)
    let targets = recorder.all.compactMap { event -> Int? in
      guard case .evaluation(let record) = event else { return nil }
      return record.targets
    }
    #expect(targets == [40])
  }
}
