// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import OperationCases
import Tensors
import Testing
import Text
import Training
import XLAEngine

/// What the accelerator's engine does in its own way: caches, chunks, rounded extents.
@Suite(
  "Models on XLA",
  .enabled(if: InstalledPlugin.path != nil, Comment(rawValue: InstalledPlugin.advice)))
struct DeviceModelTests {
  private let engine: XLATrainingEngine
  private static let key = DropoutKey(seed: 3, step: 5, microBatch: 1)

  init() throws {
    engine = try XLATrainingEngine(
      plugin: try #require(InstalledPlugin.path), executables: nil)
  }

  @Test("A cache that grows keeps what is in it")
  func growingCache() throws {
    let program = try ModelConfiguration(
      architecture: .llama, layerCount: 2, hiddenSize: 24, headCount: 4, keyValueHeadCount: 2,
      headSize: 6, intermediateSize: 21, vocabularySize: 53, contextLength: 400,
      rotary: RotaryEmbedding(), tiesHead: false
    ).program()
    var draws = Draws(seed: 5)
    let values = program.parameters.map {
      HostTensor(
        draws.values($0.shape.elementCount).map { Float($0 / 2) }, shape: $0.shape)
    }
    let model = try engine.makeLanguageModel(for: program, parameters: values, precision: .fp32)
    let tokens = (0..<300).map { Int32(($0 * 31 + 7) % 53) }
    let logits = try model.logits(
      TokenBatch(sequenceCount: 1, sequenceLength: 300, inputs: tokens, targets: tokens)
    ).floats
    let decoder = try model.makeDecoder(capacity: 400)
    // Pieces of one and of many tokens, across 64, 128 and 256 positions.
    for range in [0..<61, 61..<62, 62..<63, 63..<64, 64..<65, 65..<240, 240..<300] {
      let last = try decoder.append(Array(tokens[range]))
      let row = range.upperBound - 1
      let error = relativeError(last, logits[row * 53..<(row + 1) * 53].map(Double.init))
      #expect(error < 1e-5, "position \(row): \(error)")
    }
    #expect(throws: XLAEngineError.self) { try decoder.append([Int32](repeating: 1, count: 101)) }
    #expect(throws: XLAEngineError.self) { try decoder.append([53]) }
    #expect(decoder.count == 300)
  }

  @Test("The head in chunks gives what it gives as a whole")
  func headChunks() throws {
    let golden = GoldenModel.all[1]
    let batch = try golden.batch(0)
    var chunked = engine
    // Seven rows at once, which do not divide the batch.
    chunked.logitsAtOnce = 7 * (try golden.program().vocabularySize) + 1
    let results = try [engine, chunked].map { engine in
      let session = try engine.makeSession(
        for: golden.program(), parameters: golden.parameters().map { ParameterState(value: $0) },
        precision: .fp32)
      let loss = try session.accumulateGradients(
        of: batch, normalizer: batch.targetCount, dropoutKey: Self.key)
      let model = try engine.makeLanguageModel(
        for: golden.program(), parameters: golden.parameters(), precision: .fp32)
      return (loss, try session.gradients(), try model.score(batch))
    }
    // Rows go through loops of another shape, so sums may round otherwise.
    #expect(abs(results[0].0.total - results[1].0.total) <= 1e-7 * results[0].0.total)
    for (whole, parts) in zip(results[0].1, results[1].1) {
      #expect(relativeError(parts.floats, whole.floats.map(Double.init)) < 1e-6)
    }
    for (whole, parts) in zip(results[0].2, results[1].2) {
      #expect(abs(whole.logProbability - parts.logProbability) <= 1e-5)
      #expect(whole.isGreedy == parts.isGreedy)
    }
  }

  @Test("Memory is estimated before any is taken, and grows with the batch")
  func memory() throws {
    let program = try GoldenModel.all[0].program()
    let sizes = try [1, 2, 4].map {
      try engine.trainingByteCount(
        of: program, precision: .fp32, sequenceCount: $0, sequenceLength: 32)
    }
    #expect(sizes[0] > 16 * program.parameterCount.total)
    #expect(sizes[1] - sizes[0] > 0 && sizes[2] - sizes[1] == 2 * (sizes[1] - sizes[0]))
    let endless = try engine.trainingByteCount(
      of: program, precision: .bf16, sequenceCount: .max, sequenceLength: 32)
    #expect(endless == .max)
  }

  @Test("Extents are rounded up by no more than a quarter")
  func rounding() {
    for number in 1...1000 {
      let rounded = XLATrainingEngine.roundedUp(number)
      #expect(rounded >= number && Double(rounded) < 1.25 * Double(number) + 1)
    }
    #expect(Set((1...1024).map(XLATrainingEngine.roundedUp)).count < 45)
  }
}
