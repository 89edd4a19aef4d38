// SPDX-License-Identifier: Apache-2.0
import CPUEngine
import Evaluation
import Foundation
import GoldenModels
import Interpretation
import Testing
import Text
import Training

@Suite("Generation") struct TextGeneratorTests {
  @Test("goes on greedily as transformers does", arguments: GoldenModel.all)
  func golden(_ golden: GoldenModel) throws {
    let reference = try golden.evaluation()
    let generator = try TextGenerator(
      golden.languageModel(CPUTrainingEngine(threads: 1)), contextLength: 32, texts: nil)
    let generation = try generator.generate(
      from: Array(reference.tokens.prefix(reference.promptCount)),
      GenerationConfiguration(length: reference.continuation.count, sampler: .greedy))
    #expect(generation.tokens == reference.continuation)
    #expect(generation.end == .length)
    #expect(generation.text == nil)
  }

  /// Generates by the whole sequence's logits each time, over the context's end too.
  private func withoutCache(
    _ model: any LanguageModel, prompt: [Int32], length: Int, context: Int,
    next: (Int, [Float]) throws -> Int32
  ) throws -> [Int32] {
    var window = prompt
    var tokens: [Int32] = []
    for index in 0..<length {
      let batch = TokenBatch(
        sequenceCount: 1, sequenceLength: window.count, inputs: window,
        targets: window.map { _ in -1 })
      let logits = try model.logits(batch)
      tokens.append(try next(index, Array(logits.floats.suffix(logits.shape[1]))))
      window.append(tokens[index])
      if window.count > context { window = window.suffix(context / 2) }
    }
    return tokens
  }

  @Test("the cache changes nothing, also where the context slides", arguments: GoldenModel.all)
  func cache(_ golden: GoldenModel) throws {
    let prompt: [Int32] = [5, 9, 2, 60, 33]
    let exact = try golden.languageModel(Float64Engine())
    let configuration = GenerationConfiguration(length: 60, sampler: .greedy)
    let expected = try withoutCache(exact, prompt: prompt, length: 60, context: 20) { _, logits in
      try Sampler.greedy.token(from: logits, draw: 0)
    }
    for model in [exact, try golden.languageModel(CPUTrainingEngine(threads: 2))] {
      let generator = try TextGenerator(model, contextLength: 20, texts: nil)
      #expect(try generator.generate(from: prompt, configuration).tokens == expected)
    }
  }

  @Test("the decoder is fed each token once, and half the context where it is full")
  func sliding() throws {
    let model = FakeModel(hashing: 40)
    let generator = try TextGenerator(model, contextLength: 8, texts: nil)
    let generation = try generator.generate(
      from: [1, 2, 3, 4, 5, 6],
      GenerationConfiguration(length: 9, sampler: try Sampler(), seed: 5))
    let all = [1, 2, 3, 4, 5, 6] + generation.tokens
    #expect(model.decoders.map(\.capacity) == [8, 8, 8])
    #expect(model.decoders[0].calls == [Array(all[0..<6]), [all[6]], [all[7]]])
    #expect(model.decoders[1].calls == [Array(all[5..<9])] + all[9..<13].map { [$0] })
    #expect(model.decoders[2].calls == [Array(all[10..<14])])

    _ = try generator.generate(
      from: Array(repeating: 3, count: 4) + [7, 8, 9, 10, 11, 12, 13, 14],
      GenerationConfiguration(length: 1, sampler: .greedy))
    #expect(model.decoders.last?.calls == [[7, 8, 9, 10, 11, 12, 13, 14]])
    _ = try generator.generate(
      from: [1], GenerationConfiguration(length: 3, sampler: .greedy))
    #expect(model.decoders.last?.capacity == 3)
  }

  @Test("the seed and the sample's number fix the text") func seeds() throws {
    let generator = try TextGenerator(FakeModel(hashing: 50), contextLength: 64, texts: nil)
    func tokens(seed: UInt64, sample: Int) throws -> [Int32] {
      try generator.generate(
        from: [4], GenerationConfiguration(length: 20, sampler: try Sampler(), seed: seed),
        sample: sample
      ).tokens
    }
    let first = try tokens(seed: 1, sample: 0)
    #expect(try tokens(seed: 1, sample: 0) == first)
    #expect(try tokens(seed: 2, sample: 0) != first)
    #expect(try tokens(seed: 1, sample: 1) != first)
    #expect(try tokens(seed: 1, sample: 1) != tokens(seed: 2, sample: 0))
  }

  @Test("threads change no text", arguments: GoldenModel.all)
  func threads(_ golden: GoldenModel) throws {
    let configuration = GenerationConfiguration(
      length: 40, sampler: try Sampler(temperature: 3, topK: 30, topP: 0.95), seed: 8)
    let texts = try [1, 2].map { threads in
      try TextGenerator(
        golden.languageModel(CPUTrainingEngine(threads: threads)), contextLength: 32, texts: nil
      ).generate(from: [3, 1, 4], configuration).tokens
    }
    #expect(texts[0] == texts[1])
    #expect(Set(texts[0]).count > 5)
  }

  /// A model that says a text in bytes, then token 256 for ever.
  private func speaking(_ text: String, after prompt: Int) -> FakeModel {
    let bytes = Array(text.utf8)
    return FakeModel { context in
      let index = context.count - prompt
      var logits = [Float](repeating: 0, count: 257)
      logits[index < bytes.count ? Int(bytes[index]) : 256] = 5
      return logits
    }
  }

  private func say(
    _ text: String, endTokens: Set<Int32> = [256], stopTexts: [String] = [], length: Int = 99
  ) throws -> (Generation, [GenerationEvent]) {
    let generator = try TextGenerator(
      speaking(text, after: 2), contextLength: 200, texts: .tokenizer(ByteTokenizer()))
    var events: [GenerationEvent] = []
    let generation = try generator.generate(
      from: [65, 66],
      GenerationConfiguration(
        length: length, sampler: .greedy, endTokens: endTokens, stopTexts: stopTexts)
    ) { events.append($0) }
    return (generation, events)
  }

  @Test("text comes as it is sure, and ends at the end-of-text token") func text() throws {
    let (generation, events) = try say("né.")
    #expect(generation == Generation(tokens: [110, 195, 169, 46], text: "né.", end: .endOfText))
    #expect(
      events == [
        .token(110), .text("n"), .token(195), .token(169), .text("é"), .token(46), .text("."),
      ])
  }

  @Test("a stop text ends the text before it") func stopText() throws {
    let (generation, events) = try say("one two three", stopTexts: ["wo t", "three"])
    #expect(generation.text == "one t")
    #expect(generation.end == .stopText)
    #expect(generation.tokens.count == 9)
    let handed = events.map { if case .text(let text) = $0 { text } else { "" } }
    #expect(handed.joined() == "one t")
  }

  @Test("the length ends the text, a character cut by it shows as broken") func length() throws {
    let (generation, events) = try say("aé", length: 2)
    #expect(generation == Generation(tokens: [97, 195], text: "a\u{fffd}", end: .length))
    #expect(events.last == .text("\u{fffd}"))
    #expect(try say("abc", length: 0).0 == Generation(tokens: [], text: "", end: .length))
    #expect(try say("a", endTokens: [], length: 3).0.text == "a<|endoftext|><|endoftext|>")
  }

  @Test("what makes no sense is an error") func errors() throws {
    let model = FakeModel(hashing: 4)
    let generator = try TextGenerator(model, contextLength: 8, texts: nil)
    let plain = GenerationConfiguration(length: 1, sampler: .greedy)
    let negative = GenerationConfiguration(length: -1, sampler: .greedy)
    let stopping = GenerationConfiguration(length: 1, sampler: .greedy, stopTexts: ["x"])
    #expect(throws: EvaluationError.self) { try generator.generate(from: [], plain) }
    #expect(throws: EvaluationError.self) { try generator.generate(from: [1], negative) }
    #expect(throws: EvaluationError.self) { try generator.generate(from: [1], stopping) }
    #expect(throws: EvaluationError.self) {
      try TextGenerator(model, contextLength: 0, texts: nil)
    }
    let broken = try TextGenerator(FakeModel { _ in [0, .nan] }, contextLength: 8, texts: nil)
    #expect(throws: EvaluationError.self) { try broken.generate(from: [1], plain) }
  }

  @Test("pieces are texts by id, with bytes as SentencePiece spells them") func pieces() throws {
    let pieces = TokenPieces(["<unk>", " Once", "<0xC3>", "<0xA9>", "<0xZZ>", ""])
    let texts = TokenTexts.pieces(pieces)
    #expect(texts.bytes(of: 1, after: nil) == Array(" Once".utf8))
    #expect(texts.bytes(of: 2, after: 1) + texts.bytes(of: 3, after: 2) == Array("é".utf8))
    #expect(texts.bytes(of: 4, after: 1) == Array("<0xZZ>".utf8))
    #expect(texts.bytes(of: 6, after: 1).isEmpty && texts.bytes(of: -1, after: 1).isEmpty)
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "pieces.json")
      try Data("[\"a\", \"b\"]".utf8).write(to: file)
      #expect(try TokenPieces(contentsOf: file) == TokenPieces(["a", "b"]))
      try Data("{}".utf8).write(to: file)
      let error = #expect(throws: EvaluationError.self) { try TokenPieces(contentsOf: file) }
      #expect(error?.code == .invalidPieces)
    }
  }
}
