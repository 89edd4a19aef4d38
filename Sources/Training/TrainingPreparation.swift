// SPDX-License-Identifier: Apache-2.0
import Architectures

/// What is known of a training before it begins, for engines that ready programs ahead of time.
public struct TrainingPreparation: Sendable {
  /// A batch's extents.
  public struct BatchExtents: Sendable, Hashable {
    /// The number of sequences.
    public var sequenceCount: Int
    /// Tokens of each.
    public var sequenceLength: Int

    /// Makes extents.
    public init(sequenceCount: Int, sequenceLength: Int) {
      (self.sequenceCount, self.sequenceLength) = (sequenceCount, sequenceLength)
    }
  }

  /// The model.
  public var program: Program
  /// The number format of its products.
  public var precision: Precision
  /// The micro-batches of a step, in order.
  public var microBatches: [BatchExtents]
  /// Batches whose loss is asked for before the first step, in float32.
  public var scored: [BatchExtents]
  /// The updates of a step, in the program's order; their numbers do not matter, but which there are.
  public var updates: [ParameterUpdate]

  /// Makes a preparation.
  public init(
    program: Program, precision: Precision, microBatches: [BatchExtents],
    scored: [BatchExtents] = [], updates: [ParameterUpdate]
  ) {
    self.program = program
    self.precision = precision
    self.microBatches = microBatches
    self.scored = scored
    self.updates = updates
  }

  /// What the next step of a state takes.
  ///
  /// - Throws: the errors of a model or an optimizer that is not sound.
  public init(nextStepOf state: TrainingState, scoring scored: [BatchExtents]) throws {
    let (status, training) = (state.status, state.status.training)
    program = try status.model.program()
    precision = training.precision
    let tokens = status.progress.tokens
    let length = training.batch.sequenceLength(
      afterTokens: tokens, contextLength: status.model.contextLength)
    microBatches = training.batch.microBatches(
      sequenceCount: training.batch.sequencesPerStep(afterTokens: tokens)
    ).map { BatchExtents(sequenceCount: $0, sequenceLength: length) }
    self.scored = scored
    let clocks = zip(program.parameters, state.parameters).map {
      ParameterClock(name: $0.name, $1)
    }
    updates = training.optimizer.updates(
      learningRate: 1, parameters: program.parameters,
      clocks: clocks.scaled(by: try training.scales(of: status.model)))
  }
}

extension TrainingState {
  /// The state as it is after a step, as far as clocks tell: new entries are told from old ones by the steps
  /// that these have taken.
  public func withClocksOfNextStep() throws -> TrainingState {
    var next = self
    let specs = try status.model.program().parameters
    var clocks = zip(specs, parameters).map { ParameterClock(name: $0.name, $1) }
    status.training.optimizer.advance(&clocks, of: specs)
    for (index, clock) in clocks.enumerated() { next.parameters[index].set(clock) }
    next.status.progress.steps += 1
    return next
  }
}
