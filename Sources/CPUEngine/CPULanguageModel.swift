// SPDX-License-Identifier: Apache-2.0
import Tensors
import Text
import Training

/// A model for scoring and generating on the CPU.
final class CPULanguageModel: LanguageModel {
  private let model: CPUModel

  init(_ model: CPUModel) { self.model = model }

  func score(_ batch: TokenBatch) throws -> [TokenScore] {
    try model.run(.scoring, batch) { compiled, execution in
      let scores = compiled.rowResults(execution)
      let greedy = compiled.greedyRows(execution)
      return batch.targets.indices.map { row in
        TokenScore(logProbability: scores[row], isGreedy: greedy[row] != 0)
      }
    }
  }

  func logits(_ batch: TokenBatch) throws -> HostTensor {
    let vocabulary = model.program.vocabularySize
    var logits = HostTensor(zeros: [batch.inputs.count, vocabulary])
    try logits.withUnsafeMutableBytes { bytes in
      let target = bytes.bindMemory(to: Float.self).baseAddress
      try model.run(.logits, batch) {
        $0.logits = target
      } finish: { _, _ in
      }
    }
    return logits
  }

  func makeDecoder(capacity: Int) throws -> any TokenDecoder {
    if let obstacle = model.program.obstacle(toDecoderOf: capacity) {
      throw CPUEngineError(.invalidBatch, obstacle, subject: "decoder")
    }
    return CPUDecoder(model, capacity: capacity)
  }
}

/// One sequence being generated on the CPU.
final class CPUDecoder: TokenDecoder {
  private let model: CPUModel
  private let cache: KeyValueCache
  private(set) var count = 0
  /// Longer prompts go in pieces, so that few shapes are compiled and little memory is used.
  private static let pieceSize = 128

  init(_ model: CPUModel, capacity: Int) {
    self.model = model
    cache = KeyValueCache(capacity: capacity)
  }

  func append(_ tokens: [Int32]) throws -> [Float] {
    if let obstacle = obstacle(toAppending: tokens.count, capacity: cache.capacity) {
      throw CPUEngineError(.invalidBatch, obstacle, subject: "decoder")
    }
    var logits = [Float](repeating: 0, count: model.program.vocabularySize)
    var start = 0
    while start < tokens.count {
      let end = min(start + Self.pieceSize, tokens.count)
      try append(Array(tokens[start..<end]), &logits)
      start = end
    }
    return logits
  }

  private func append(_ piece: [Int32], _ logits: inout [Float]) throws {
    let batch = TokenBatch(
      sequenceCount: 1, sequenceLength: piece.count, inputs: piece, targets: piece)
    try logits.withUnsafeMutableBufferPointer { buffer in
      let target = buffer.baseAddress
      try model.run(.decoding, batch, positionCount: cache.capacity) { execution in
        execution.firstPosition = count
        execution.cache = cache
        execution.logits = target
      } finish: { _, _ in
      }
    }
    count += piece.count
  }
}
