// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Staging
import Testing
import Text
import Training

@Suite("Runs that begin with a checkpoint's weights")
struct StartFromTests {
  /// A finished run, and a new one that begins with its last weights.
  private func pair(_ overrides: [String] = []) throws -> (Workplace, Workplace, TrainingRun) {
    let first = try Workplace()
    try first.create().trainForTest()
    let second = try Workplace()
    let run = try second.create(
      overrides, startingFrom: first.checkpoints.url(step: 12))
    return (first, second, run)
  }

  @Test("the first loss is far below a new model's, and steps count from one")
  func weightsCarryOver() throws {
    let (first, second, run) = try pair()
    let recorder = EventRecorder()
    try run.trainForTest(recorder: recorder, interruptingAfter: 2)
    #expect(recorder.notes.isEmpty)
    let fresh = try #require(try first.loggedSteps().first)
    let continued = try #require(try second.loggedSteps().first)
    #expect(continued.step == 1)
    #expect(
      Double(bitPattern: continued.loss) < Double(bitPattern: fresh.loss) - 0.2)

    guard
      case .model(let model) = try Inspection.of(second.checkpoints.url(step: 2)),
      let entry = model.training?.status.lineage.first
    else {
      Issue.record("the checkpoint has no lineage")
      return
    }
    #expect(entry.operation == "loaded")
    #expect(entry.source == first.checkpoints.url(step: 12).path(percentEncoded: false))
    #expect(entry.sourceHash?.count == 64)
    let checkpoint = try ModelDirectory(reading: second.checkpoints.url(step: 2))
    #expect(checkpoint.configuration.endOfTextTokens == [256])
  }

  @Test("it resumes from its own checkpoints, not from those weights again")
  func resumes() throws {
    let (first, second, run) = try pair()
    try run.trainForTest(interruptingAfter: 5)
    try TrainingRun.resume(second.run).trainForTest()
    let unbroken = try Workplace()
    try unbroken.create(startingFrom: first.checkpoints.url(step: 12)).trainForTest()
    #expect(try second.loggedSteps() == unbroken.loggedSteps())
  }

  @Test(
    "a source that changed before the run has a state of its own is refused",
    arguments: [true, false])
  func changedSource(hasManifest: Bool) throws {
    let (first, second, run) = try pair()
    let source = first.checkpoints.url(step: 12)
    if !hasManifest {
      for name in ["manifest.json", "training_state.json"] {
        try FileManager.default.removeItem(at: source.appending(path: name))
      }
      try FileManager.default.removeItem(at: second.run)
    }
    let made = try hasManifest ? run : second.create(startingFrom: source)
    #expect(made.manifest.sourceHash?.count == 64)
    // What is not taken may change.
    try Data("notes".utf8).write(to: source.appending(path: "README.md"))
    let other = try Workplace()
    try other.create(["seed=6"]).trainForTest()
    let names = hasManifest ? ["model.safetensors", "manifest.json"] : ["model.safetensors"]
    var whole: [String: Data] = [:]
    for name in names {
      let file = source.appending(path: name)
      whole[name] = try Data(contentsOf: file)
      try Data(contentsOf: other.checkpoints.url(step: 12).appending(path: name)).write(to: file)
    }
    let error = #expect(throws: StagingError.self) { try made.trainForTest() }
    #expect(error?.code == .incompatibleCheckpoint)
    #expect(error?.message.hasPrefix("was changed since the run") == true)
    for (name, data) in whole { try data.write(to: source.appending(path: name)) }
    try TrainingRun.open(second.run).trainForTest(interruptingAfter: 3)
    // With a state of its own the run needs it no more.
    try FileManager.default.removeItem(at: source)
    #expect(try TrainingRun.resume(second.run).trainForTest().steps == 12)
  }

  @Test("the recipe may leave the model to the checkpoint")
  func withoutModel() throws {
    let first = try Workplace()
    try first.create().trainForTest(interruptingAfter: 2)
    let second = try Workplace()
    let text = Workplace.recipe.split(separator: "\n").filter { !$0.hasPrefix("model:") }
      .joined(separator: "\n")
    let run = try TrainingRun.create(
      second.run, recipe: try second.recipeFile(text),
      startingFrom: first.checkpoints.url(step: 2))
    #expect(try run.trainForTest(interruptingAfter: 1).steps == 1)
  }

  @Test("another tokenizer is allowed, told, and ends texts its own way")
  func otherTokenizer() throws {
    let (_, second, run) = try pair(["tokenizer={kind: bpe, vocabulary: 257}"])
    let recorder = EventRecorder()
    try run.trainForTest(recorder: recorder, interruptingAfter: 1)
    #expect(recorder.notes.count == 1)
    #expect(recorder.notes.first?.contains("is not the checkpoint's") == true)
    let checkpoint = try ModelDirectory(reading: second.checkpoints.url(step: 1))
    #expect(checkpoint.configuration.endOfTextTokens == [0])
  }

  @Test("a model of other sizes is refused, with the differences, before anything is made")
  func otherSizes() throws {
    let first = try Workplace()
    try first.create().trainForTest(interruptingAfter: 1)
    let second = try Workplace()
    let error = #expect(throws: StagingError.self) {
      try second.create(
        ["model.hidden=12", "model.layers=2"], startingFrom: first.checkpoints.url(step: 1))
    }
    #expect(error?.code == .incompatibleCheckpoint)
    #expect(
      error?.message
        == "its model is not the recipe's: layers is 1, the recipe says 2, hidden is 8, the recipe "
        + "says 12, headSize is 4, the recipe says 6, intermediate is 32, the recipe says 48; leave "
        + "`model` out of the recipe to take the checkpoint's")
    #expect(!RunDirectory(second.run).holdsRun)
  }

  @Test("a token that the model has no embedding for is refused by name where it occurs")
  func largerTokenizer() throws {
    let (_, second, run) = try pair(["tokenizer={kind: bpe, vocabulary: 262}"])
    let error = #expect(throws: StagingError.self) { try run.trainForTest() }
    #expect(error?.code == .incompatibleCheckpoint)
    #expect(error?.subject.hasSuffix("(train)") == true)
    let message = try #require(error?.message)
    #expect(message.hasPrefix("holds token 2") && message.contains(" ('"))
    #expect(message.contains("embeddings for ids below 257; use the checkpoint's tokenizer"))
    #expect(try second.checkpoints.list().isEmpty)
  }

  @Test("a tokenizer with more tokens than the model is fine where none of them occurs")
  func unusedTokens() throws {
    let place = try Workplace()
    let text = String(decoding: ByteTokenizer().tokenizerJSON(), as: UTF8.self)
      .replacingOccurrences(
        of: #""added_tokens": ["#,
        with: #""added_tokens": [{"id": 256, "content": "<|endoftext|>", "special": true},"#
          + #"{"id": 257, "content": "<more>", "special": true},"#)
    let file = place.url.appending(path: "tokenizer.json")
    try Data(text.utf8).write(to: file)
    let (_, _, run) = try pair(["tokenizer={kind: file, path: \(file.path)}"])
    #expect(try run.trainForTest(interruptingAfter: 1).steps == 1)
  }

  @Test("a damaged checkpoint is refused")
  func damaged() throws {
    let (first, _, run) = try pair()
    try flipLastByte(of: first.checkpoints.url(step: 12).appending(path: "model.safetensors"))
    let error = #expect(throws: CheckpointsError.self) { try run.trainForTest() }
    #expect(error?.code == .damagedCheckpoint)
  }

  @Test("a run stands for its newest whole checkpoint, and a damaged newer one is told")
  func damagedNewest() throws {
    let first = try Workplace()
    try first.create().trainForTest()
    try flipLastByte(of: first.checkpoints.url(step: 12).appending(path: "model.safetensors"))
    for part in [CheckpointPart.weights, .wholeState] {
      let second = try Workplace()
      let run = try TrainingRun.create(
        second.run, recipe: try second.recipeFile(Workplace.recipe, ["stop.after=14 steps"]),
        startingFrom: first.run, with: part)
      #expect(run.manifest.startedFrom?.hasSuffix("step-00000010") == true)
      let recorder = EventRecorder()
      let summary = try run.trainForTest(recorder: recorder, interruptingAfter: 1)
      #expect(summary.steps == (part == .weights ? 1 : 11))
      #expect(summary.passedOver?.map(\.checkpoint) == [first.checkpoints.url(step: 12).path])
      #expect(
        recorder.notes.contains {
          $0.hasPrefix("warning: the newer checkpoint") && $0.contains("step-00000012 is damaged")
            && $0.hasSuffix("the run begins with step-00000010, the newest whole one")
        })
    }
  }

  @Test("a directory without a model is refused")
  func noModel() throws {
    let place = try Workplace()
    let error = #expect(throws: TrainingError.self) {
      try place.create(startingFrom: place.url)
    }
    #expect(error?.code == .missingModel)
    #expect(error?.message.contains("holds no config.json; expected a checkpoint") == true)
  }
}
