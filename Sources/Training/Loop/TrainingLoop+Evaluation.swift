// SPDX-License-Identifier: Apache-2.0
import Architectures
import RunLogs
import Text

extension TrainingLoop {
  /// Scores the validation text, or windows spread over it, and logs the mean loss.
  ///
  /// - Returns: nil where the configuration or the surroundings have no validation.
  /// - Throws: ``TrainingError`` of code `nonFiniteLoss` where the loss is not finite.
  @discardableResult
  public func evaluate() throws -> EvaluationRecord? {
    do { return try checkedEvaluation() } catch let trouble as Trouble {
      throw try stopped(by: trouble)
    }
  }

  /// Scores the validation text; a loss that is not finite is dealt with as the configuration says.
  func evaluateOrMend() throws {
    do { _ = try checkedEvaluation() } catch let trouble as Trouble { try mend(trouble) }
  }

  private func checkedEvaluation() throws -> EvaluationRecord? {
    guard let evaluation = status.training.evaluation,
      let validation = surroundings.validation
    else { return nil }
    let begin = surroundings.clock()
    let sum = try surroundings.profiler.during(.evaluation) {
      try validationLoss(evaluation, validation)
    }
    updateSeconds()
    let progress = status.progress
    let evaluationRecord = EvaluationRecord(
      step: progress.steps, validationLoss: sum.mean, tokens: progress.tokens,
      flops: progress.floatingPointOperations, seconds: progress.seconds,
      targets: sum.targetCount, validationTokens: validation.tokenCount)
    status.validationLoss = sum.mean
    evaluatedStep = progress.steps
    countEvaluation(of: sum, seconds: surroundings.clock() - begin)
    try monitor?.observe(evaluationRecord)
    status.slopeDetector = monitor?.memory ?? status.slopeDetector
    try record(.evaluation(evaluationRecord))
    return evaluationRecord
  }

  private func validationLoss(
    _ evaluation: EvaluationConfiguration, _ validation: any TokenSource
  ) throws -> LossSum {
    let (sequences, length) = (status.training.batch.sequences, status.model.contextLength)
    var batches = try EvaluationBatches(
      validation, sequenceCount: sequences, sequenceLength: length,
      windowLimit: evaluation.windowLimit(
        tokenCount: validation.tokenCount, sequences: sequences, sequenceLength: length))
    var sum = LossSum(total: 0, targetCount: 0)
    while let batch = try batches.next() { sum = sum + (try session.loss(of: batch)) }
    guard sum.targetCount > 0 else {
      throw TrainingError(
        .emptyBatch, "the validation batches have no target to score; is the text empty?",
        subject: "validation")
    }
    guard sum.mean.isFinite else {
      throw Trouble(.validationLoss, sum.mean, step: status.progress.steps)
    }
    return sum
  }

  private func countEvaluation(of sum: LossSum, seconds: Double) {
    let perToken = program.floatingPointOperations(sequenceLength: status.model.contextLength)
    var cost = status.evaluationCost ?? EvaluationCost()
    cost.floatingPointOperations += Double(sum.targetCount) * perToken.forward
    cost.seconds += seconds
    status.evaluationCost = cost
  }
}
