// SPDX-License-Identifier: Apache-2.0
import Interpretation
import Text
import Training

/// The reference model in training, all numbers in float64; sequences on all cores.
final class ExactSession: MeasuredSession {
  private let threadCount: Int?
  private var training: Float64Training

  init(_ model: ExactModel) throws {
    threadCount = model.threadCount
    training = try Float64Training(
      ReferenceModel(program: model.program, parameters: model.values), slots: model.slots)
  }

  func logits(_ batch: TokenBatch) throws -> [Double] {
    let model = training.model
    return try batch.forEachSequence(threads: threadCount) { try model.logits($0) }.flatMap { $0 }
  }

  func loss(_ batch: TokenBatch) throws -> LossSum {
    let model = training.model
    return try batch.forEachSequence(threads: threadCount) { try model.loss($0) }
      .reduce(LossSum(total: 0, targetCount: 0), +)
  }

  func accumulateGradients(of batch: TokenBatch) throws -> LossSum {
    let model = training.model
    let normalizer = Double(max(1, batch.targetCount))
    let results = try batch.forEachSequence(threads: threadCount) {
      try model.lossAndGradients($0, normalizer: normalizer)
    }
    for result in results { training.add(result.gradients) }
    return results.map(\.loss).reduce(LossSum(total: 0, targetCount: 0), +)
  }

  func gradients() -> [[Double]] { training.gradients }

  func values() -> [[Double]] { training.model.parameters }

  func update(_ updates: [ParameterUpdate]) throws { try training.update(updates) }
}
