// SPDX-License-Identifier: Apache-2.0
import Foundation
import Staging
import Testing
import Text

@Suite("Data that are not what they were")
struct DataIntegrityTests {
  /// The only directory of tokens that a run has made.
  private func tokens(of place: Workplace) throws -> URL {
    let data = RunDirectory(place.run).data
    let names = try FileManager.default.contentsOfDirectory(atPath: data.path)
    return data.appending(path: try #require(names.first { !$0.hasPrefix(".") }))
  }

  private func shard(_ split: String, of place: Workplace) throws -> URL {
    try tokens(of: place).appending(path: "\(split)-00000.bin")
  }

  private func textError(_ body: () throws -> Void) -> TextError? {
    do {
      try body()
      return nil
    } catch { return error as? TextError }
  }

  @Test(
    "zeros or other text in the place of tokens stop a run, and nothing is saved",
    arguments: ["train", "validation"])
  func damagedShard(split: String) throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 2)
    let shard = try shard(split, of: place)
    let whole = try Data(contentsOf: shard)
    for contents in [Data(count: whole.count), Data(whole.reversed().map { $0 == 0 ? 0 : 0x61 })] {
      try contents.write(to: shard)
      let error = textError { try TrainingRun.resume(place.run).trainForTest() }
      #expect(error?.code == .damagedShard && error?.subject == shard.path)
      let saved = try place.checkpoints.list().map(\.step)
      // Validation text is touched at step 4 only; what was learnt till then is sound.
      #expect(saved.last == 2)
    }
    try whole.write(to: shard)
    try TrainingRun.resume(place.run).trainForTest()
    #expect(try place.checkpoints.list().map(\.step).last == 12)
  }

  @Test("other data of the same size are refused on resume")
  func otherData() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 3)
    let directory = try tokens(of: place)
    let corpus = place.url.appending(path: "corpus.txt")
    let text = try String(contentsOf: corpus, encoding: .utf8)
    let other = place.url.appending(path: "other.txt")
    try Data(text.replacingOccurrences(of: "tree", with: "leaf").utf8).write(to: other)
    try FileManager.default.removeItem(at: directory)
    _ = try CorpusPreparation(
      .init(inputs: try CorpusInput.find([other.path]), validation: .fraction(0.05), seed: 5)
    ).run(tokenizer: ByteTokenizer(), to: directory)
    let error = textError { try TrainingRun.resume(place.run).trainForTest() }
    #expect(error?.code == .invalidShard)
    #expect(error?.message.contains("not the data that the run began with") == true)
  }

  @Test("--continue-from other data of the same size begins them at their start, and says so")
  func continueFromOtherData() throws {
    let first = try Workplace()
    try first.create().trainForTest(interruptingAfter: 4)
    for isOther in [false, true] {
      let second = try Workplace()
      let corpus = second.url.appending(path: "corpus.txt")
      if isOther {
        let text = try String(contentsOf: corpus, encoding: .utf8)
        try Data(text.replacingOccurrences(of: "tree", with: "leaf").utf8).write(to: corpus)
      }
      let recorder = EventRecorder()
      try TrainingRun.create(
        second.run, recipe: try second.recipeFile(), startingFrom: first.checkpoints.url(step: 4),
        with: .wholeState
      ).trainForTest(recorder: recorder, interruptingAfter: 1)
      #expect(recorder.notes.contains { $0.contains("read from their start") } == isOther)
    }
  }

  @Test("a folder's files that are passed over are told")
  func skippedFiles() throws {
    let place = try Workplace()
    let folder = place.url.appending(path: "texts")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: place.url.appending(path: "corpus.txt"), to: folder.appending(path: "a.txt"))
    try Data("print(1)".utf8).write(to: folder.appending(path: "b.py"))
    let recorder = EventRecorder()
    try place.create(["data.train=texts"]).trainForTest(recorder: recorder, interruptingAfter: 1)
    #expect(recorder.notes.contains { $0.contains("1 .py (8 B)") }, "\(recorder.notes)")
  }

  @Test("a validation text that is shorter than was asked for is told")
  func shortValidation() throws {
    let place = try Workplace()
    let recorder = EventRecorder()
    try place.create(["evaluate.batches=20"]).trainForTest(
      recorder: recorder, interruptingAfter: 1)
    #expect(
      recorder.notes.contains {
        $0.contains("sequences of 8 tokens, so losses are measured roughly")
      })
  }
}
