// SPDX-License-Identifier: Apache-2.0
import Architectures
import RunLogs
import Text

extension TrainingLoop {
  /// A step's gradient before its update.
  struct Gradient {
    var loss: LossSum
    /// Squared norm of the mean gradient of the first micro-batch, and its targets; nil where the
    /// step measures no noise.
    var small: (squaredNorm: Double, tokens: Int)?
  }

  /// Ends a step of which nothing was applied: one of many micro-batches may take hours.
  struct InterruptedStep: Error {}

  /// A batch whose gradient is in the engine.
  struct PreparedStep {
    var batch: TokenBatch
    var gradient: Gradient
  }

  /// Takes one optimizer step and logs it.
  ///
  /// Where loss or gradient are out of order, what the configuration says is done, and the step is
  /// tried again; the loop may then have gone back to an earlier state.
  ///
  /// - Throws: ``TrainingError`` of code `nonFiniteLoss` or `lossSpike` where that is to stop, or did
  ///   not help: then nothing was updated, and the loop takes no further step.
  @discardableResult
  public func takeStep() throws -> StepRecord {
    guard !isBroken else {
      throw TrainingError(
        .invalidState, "a step of this loop broke off; go on from a checkpoint in a new loop",
        subject: "step \(status.progress.steps + 1)")
    }
    isBroken = true
    let step = try surroundings.profiler.during(.steps) {
      try mending { try takeCheckedStep() }
    }
    isBroken = false
    try record(.step(step))
    return step
  }

  private func takeCheckedStep() throws -> StepRecord {
    let step = try preparedStep()
    try saveIfDue()
    let progress = progress(after: step.batch)
    let rate = status.training.schedule.rate(at: progress, position: status.position)
    let norm = try session.update(
      status.training.optimizer.updates(
        learningRate: rate, parameters: program.parameters, clocks: clocks.scaled(by: scales)),
      clip: status.training.optimizer.clip)
    prepared = nil
    guard norm.isFinite else { throw Trouble(.gradientNorm, norm, step: progress.steps) }
    status.training.optimizer.advance(&clocks, of: program.parameters)
    advance(to: progress, loss: step.gradient.loss.mean)
    let noise = measureNoise(step.gradient, squaredNorm: norm * norm)
    return StepRecord(
      step: progress.steps, loss: step.gradient.loss.mean, tokens: progress.tokens,
      flops: progress.floatingPointOperations, seconds: status.progress.seconds,
      learningRate: rate, gradientNorm: norm, sequences: step.batch.sequenceCount,
      sequenceLength: step.batch.sequenceLength,
      gradientNoiseScale: noise.map { $0 / Double(step.batch.sequenceLength) },
      criticalBatchTokens: noise)
  }

  /// The next batch with its gradient in the engine, and a loss that is in order.
  func preparedStep() throws -> PreparedStep {
    if let prepared { return prepared }
    let batch = try nextBatch()
    lastBatch = batch
    let gradient = try accumulateGradient(of: batch)
    let (loss, number) = (gradient.loss.mean, status.progress.steps + 1)
    guard loss.isFinite else { throw Trouble(.loss, loss, step: number) }
    if let limit = status.training.onSpike?.limit(after: status.health?.recentLosses ?? []),
      loss > limit
    {
      throw Trouble(.loss, loss, step: number, limit: limit)
    }
    let step = PreparedStep(batch: batch, gradient: gradient)
    prepared = step
    return step
  }

  private func nextBatch() throws -> TokenBatch {
    let (training, seen) = (status.training, status.progress.tokens)
    let batch = try surroundings.profiler.during(.data) {
      try data.next(
        sequenceCount: training.batch.sequencesPerStep(afterTokens: seen),
        sequenceLength: training.batch.sequenceLength(
          afterTokens: seen, contextLength: status.model.contextLength))
    }
    guard batch.targetCount > 0 else {
      throw TrainingError(
        .emptyBatch, "the batch has no target to learn from; is the training text empty?",
        subject: "step \(status.progress.steps + 1)")
    }
    return batch
  }

  func progress(after batch: TokenBatch) -> TrainingProgress {
    let tokens = batch.inputs.count
    return status.progress
      + TrainingProgress(
        steps: 1, tokens: tokens,
        floatingPointOperations: Double(tokens)
          * program.floatingPointOperations(sequenceLength: batch.sequenceLength).training)
  }

  private func advance(to progress: TrainingProgress, loss: Double) {
    progressBefore = status.progress
    status.progress = progress
    status.trainingLoss = loss
    status.knownHealth.skipsInARow = 0
    status.knownHealth.remember(loss, for: status.training.onSpike)
    status.position.advance(to: progress, on: status.training.schedule)
    status.cursor = data.cursor
    hasTrained = true
    updateSeconds()
  }

  /// Runs all micro-batches; each one's gradient is divided by the targets of the whole step.
  private func accumulateGradient(of batch: TokenBatch) throws -> Gradient {
    let measures = measuresNoise(of: batch)
    let targets = batch.targetCount
    var gradient = Gradient(loss: LossSum(total: 0, targetCount: 0))
    for (index, part) in batch.split(into: partSizes(of: batch, measures: measures)).enumerated() {
      if index > 0, endsWithinSteps, surroundings.observer.isInterrupted() {
        throw InterruptedStep()
      }
      let key = DropoutKey(
        seed: status.training.seed, step: UInt64(status.progress.steps),
        microBatch: UInt32(index))
      let loss = try session.accumulateGradients(
        of: part, normalizer: targets, dropoutKey: key)
      gradient.loss = gradient.loss + loss
      if index == 0, measures, 0 < loss.targetCount, loss.targetCount < targets {
        // The session divided by all targets; the mean over the part's own is wanted.
        let scale = Double(targets) / Double(loss.targetCount)
        let squaredNorm = try session.gradientSquaredNorm() * scale * scale
        gradient.small = (squaredNorm, loss.targetCount)
      }
    }
    return gradient
  }

  private func measuresNoise(of batch: TokenBatch) -> Bool {
    guard let noiseScale = status.training.noiseScale else { return false }
    return (status.progress.steps + 1) % noiseScale.every == 0 && batch.sequenceCount > 1
  }

  /// The micro-batches' sizes.
  ///
  /// A measuring step needs two parts at least; where dropout is on, its second part therefore has a
  /// key of its own.
  private func partSizes(of batch: TokenBatch, measures: Bool) -> [Int] {
    let sizes = status.training.batch.microBatches(sequenceCount: batch.sequenceCount)
    guard measures, sizes.count == 1 else { return sizes }
    let half = batch.sequenceCount / 2
    return [half, batch.sequenceCount - half]
  }

  /// Adds the step's measurement, if it made one, and returns the noise scale in tokens.
  private func measureNoise(_ gradient: Gradient, squaredNorm: Double) -> Double? {
    guard let small = gradient.small, let noiseScale = status.training.noiseScale else {
      return nil
    }
    var estimate = status.noiseScale ?? GradientNoiseScale()
    estimate.add(
      small: small, big: (squaredNorm, gradient.loss.targetCount),
      smoothing: noiseScale.smoothing)
    status.noiseScale = estimate
    return estimate.tokens
  }
}
