// SPDX-License-Identifier: Apache-2.0
import Foundation
import ReferenceEngine
import Synchronization
import Text
import Training

/// The reference model in training, all numbers in float64; sequences on all cores.
final class ExactSession: MeasuredSession {
  private let threadCount: Int?
  private var model: ReferenceModel
  private var firstMoments: [[Double]]
  private var secondMoments: [[Double]]
  private var sums: [[Double]]

  init(_ model: ExactModel) throws {
    threadCount = model.threadCount
    self.model = try ReferenceModel(program: model.program, parameters: model.values)
    firstMoments = model.firstMoments
    secondMoments = model.secondMoments
    sums = model.values.map { [Double](repeating: 0, count: $0.count) }
  }

  func logits(_ batch: TokenBatch) throws -> [Double] {
    let model = model
    return try batch.forEachSequence(threads: threadCount) { try model.logits($0) }.flatMap { $0 }
  }

  func loss(_ batch: TokenBatch) throws -> LossSum {
    let model = model
    return try batch.forEachSequence(threads: threadCount) { try model.loss($0) }
      .reduce(LossSum(total: 0, targetCount: 0), +)
  }

  func accumulateGradients(of batch: TokenBatch) throws -> LossSum {
    let model = model
    let normalizer = Double(max(1, batch.targetCount))
    let results = try batch.forEachSequence(threads: threadCount) {
      try model.lossAndGradients($0, normalizer: normalizer)
    }
    for result in results {
      for (index, gradient) in result.gradients.enumerated() {
        for element in gradient.indices { sums[index][element] += gradient[element] }
      }
    }
    return results.map(\.loss).reduce(LossSum(total: 0, targetCount: 0), +)
  }

  func gradients() -> [[Double]] { sums }

  func values() -> [[Double]] { model.parameters }

  func update(_ updates: [AdamWUpdate]) throws {
    try VerificationError.check(
      updates.count == sums.count, .mismatch, "updates",
      "\(updates.count) for \(sums.count) parameters")
    for (index, update) in updates.enumerated() {
      apply(update, to: index)
      sums[index] = [Double](repeating: 0, count: sums[index].count)
    }
  }

  /// As ``AdamWUpdate`` writes it.
  private func apply(_ update: AdamWUpdate, to index: Int) {
    for element in sums[index].indices {
      let g = sums[index][element]
      let m = update.beta1 * firstMoments[index][element] + (1 - update.beta1) * g
      let v = update.beta2 * secondMoments[index][element] + (1 - update.beta2) * g * g
      firstMoments[index][element] = m
      secondMoments[index][element] = v
      let root = v.squareRoot() * update.inverseRootCorrection + update.epsilon
      let decayed = model.parameters[index][element] * (1 - update.decayFactor)
      model.parameters[index][element] = decayed - update.step(m, root)
    }
  }
}

extension TokenBatch {
  /// What `body` gives for each sequence, in order; sequences run on all cores, or on so many threads.
  func forEachSequence<Result: Sendable>(
    threads: Int?, _ body: @Sendable (TokenBatch) throws -> Result
  ) throws -> [Result] {
    let results = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: min(sequenceCount, threads ?? sequenceCount)) { _ in
      while true {
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < sequenceCount else { return }
        let result = Swift.Result { try body(sequences(index..<index + 1)) }
        results.withLock { $0[index] = result }
      }
    }
    let all = results.withLock { $0 }
    return try (0..<sequenceCount).compactMap { try all[$0]?.get() }
  }
}
