// SPDX-License-Identifier: Apache-2.0
import GoldenModels
import Interpretation
import Testing
import Text
import Training
import Verification

/// Layer by layer in float32, against what transformers and PyTorch compute in float64.
@Suite("Layerwise models") struct LayerwiseModelTests {
  /// One block, and blocks and chunks far smaller than any matrix.
  private static let sizes = [(1 << 22, 256), (50, 3)]

  private func model(_ directory: ModelDirectory, _ sizes: (Int, Int)) throws -> LayerwiseModel {
    var model = try LayerwiseModel(directory)
    model.blockElementCount = sizes.0
    model.queriesAtOnce = sizes.1
    return model
  }

  @Test("logits and residual streams of every family", arguments: FamilyGolden.all, sizes)
  func families(_ golden: FamilyGolden, _ sizes: (Int, Int)) throws {
    let model = try model(golden.directory(), sizes)
    let batch = try golden.batch()
    let logits = try model.logits(batch, threads: 2)
    #expect(relativeError(logits, try golden.logits()) < 1e-5)
    let streams = try #require(try model.residualStream(batch, threads: 1))
    #expect(streams.count == model.program.layerCount + 1)
    // The last one is kept behind the final norm only.
    for (index, stream) in streams.dropLast().enumerated() {
      #expect(relativeError(stream, try golden.hidden(index)) < 1e-5, "\(index)")
    }
  }

  @Test("GPT-2 and Llama, from files and from memory", arguments: GoldenModel.all, sizes)
  func goldens(_ golden: GoldenModel, _ sizes: (Int, Int)) throws {
    let directory = try golden.directory()
    let batch = try golden.batch(0)
    let expected = try golden.tensors().doubles("logits64")
    let logits = try model(directory, sizes).logits(batch, threads: 1)
    #expect(relativeError(logits, expected) < 1e-5)
    let state = ModelState(try golden.configuration(), values: try golden.parameters())
    #expect(
      try LayerwiseModel(state).logits(batch, threads: 1)
        == model(directory, (1 << 22, 256))
        .logits(batch, threads: 1))
  }

  @Test("batches that do not fit")
  func batches() throws {
    let golden = try #require(GoldenModel.all.first)
    let model = try LayerwiseModel(golden.directory())
    let program = model.program
    for (token, target, length) in [
      (Int32(program.vocabularySize), Int32(0), 2), (-1, 0, 2), (0, -2, 2),
      (0, 0, program.contextLength + 1), (0, 0, 0),
    ] {
      let batch = TokenBatch(
        sequenceCount: 1, sequenceLength: length,
        inputs: [Int32](repeating: token, count: length),
        targets: [Int32](repeating: target, count: length))
      let error = #expect(throws: InterpretationError.self) { try model.logits(batch) }
      #expect(error?.code == .invalidBatch)
    }
  }
}
