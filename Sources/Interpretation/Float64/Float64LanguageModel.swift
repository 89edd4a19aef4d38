// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Text
import Training

/// A reference model that scores and generates.
final class Float64LanguageModel: LanguageModel {
  private let model: ReferenceModel

  init(model: ReferenceModel) { self.model = model }

  func score(_ batch: TokenBatch) throws -> [TokenScore] {
    let vocabulary = model.program.vocabularySize
    return try model.logits(batch).withUnsafeBufferPointer { logits in
      batch.targets.enumerated().map { row, target in
        let logits = logits[row * vocabulary..<(row + 1) * vocabulary]
        let start = UnsafeBufferPointer(rebasing: logits).baseAddress
        let probability =
          target < 0 ? 0 : start.map { logProbability(of: Int(target), $0, vocabulary) } ?? 0
        return TokenScore(
          logProbability: Float(probability), isGreedy: Int(target) == greedyToken(Array(logits)))
      }
    }
  }

  func logits(_ batch: TokenBatch) throws -> HostTensor {
    let vocabulary = model.program.vocabularySize
    return HostTensor(
      try model.logits(batch).map { Float($0) }, shape: [batch.inputs.count, vocabulary])
  }

  func makeDecoder(capacity: Int) throws -> any TokenDecoder {
    Float64Decoder(model: model, capacity: capacity)
  }
}

/// The lowest index of the largest logit.
package func greedyToken(_ logits: [Double]) -> Int {
  var best = 0
  for index in logits.indices where logits[index] > logits[best] { best = index }
  return best
}

/// A sequence whose every extension is computed from its start: slow, and beyond doubt.
final class Float64Decoder: TokenDecoder {
  private let model: ReferenceModel
  private let capacity: Int
  private var tokens: [Int32] = []

  init(model: ReferenceModel, capacity: Int) {
    self.model = model
    self.capacity = capacity
  }

  var count: Int { tokens.count }

  func append(_ newTokens: [Int32]) throws -> [Float] {
    guard !newTokens.isEmpty, newTokens.count <= capacity - tokens.count else {
      throw InterpretationError(
        .invalidBatch,
        "\(newTokens.count) tokens after \(tokens.count); expected 1 … \(capacity - tokens.count)",
        subject: "tokens")
    }
    let all = tokens + newTokens
    let batch = TokenBatch(
      sequenceCount: 1, sequenceLength: all.count, inputs: all,
      targets: all.map { _ in -1 })
    let logits = try model.logits(batch)
    tokens = all
    return logits.suffix(model.program.vocabularySize).map { Float($0) }
  }
}
