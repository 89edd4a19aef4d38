// SPDX-License-Identifier: Apache-2.0
import Architectures
import RunLogs
import Tensors
import Text

/// The number format of a step's products.
public enum Precision: String, Sendable, Hashable, CaseIterable, Codable {
  /// Everything in float32.
  case fp32
  /// bfloat16 operands of products; float32 master weights, moments, norms, softmax, accumulation.
  case bf16
}

/// Runs programs: trains them, scores with them, generates with them.
///
/// The training loop knows no more of an engine than this.
public protocol TrainingEngine: Sendable {
  /// The engine's name in logs and reports.
  var name: String { get }

  /// Threads of this process that a step uses; nil for an engine that has none of its own.
  var threadCount: Int? { get }

  /// The kind of the device that computes, in the engine's words; nil for this machine's processor.
  var deviceKind: String? { get }

  /// The version of what computes, in its own words; nil where that is this library's.
  var version: String? { get }

  /// What keeps the engine from training a program, or generating with it, on sequences of a length:
  /// `the engine trains no model with experts`; nil for nothing.
  func obstacle(in program: Program, sequenceLength: Int) -> String?

  /// Takes over parameters and moments and readies a program for training.
  ///
  /// - Parameter parameters: one for each of `program.parameters`, in that order.
  /// - Throws: an error that names the parameter whose shape does not fit.
  func makeSession(
    for program: Program, parameters: [ParameterState], precision: Precision
  ) throws -> any TrainingSession

  /// Readies a program for scoring and generating.
  ///
  /// - Parameter parameters: float32, one for each of `program.parameters`, in that order.
  func makeLanguageModel(
    for program: Program, parameters: [HostTensor], precision: Precision
  ) throws -> any LanguageModel

  /// Whether ``prepare(_:)`` does anything, so that working out what to prepare is worth it.
  var preparesAhead: Bool { get }

  /// Readies what a training will need, so that its first step need not wait for it.
  ///
  /// It may be called from any thread, while sessions of other models compute, and takes no device's memory. What
  /// turns out otherwise than was said is readied when it is needed.
  func prepare(_ preparation: TrainingPreparation) throws

  /// Measures the floating-point operations per second that the engine's products reach at best.
  func measurePeak(precision: Precision) throws -> Double

  /// Bytes of this machine's memory that a session takes: parameters, gradients, moments, and the
  /// activations of one micro-batch; nothing is taken yet.
  ///
  /// - Throws: an error where the engine cannot train the program.
  func trainingByteCount(
    of program: Program, precision: Precision, sequenceCount: Int, sequenceLength: Int
  ) throws -> Int
}

extension TrainingEngine {
  /// It does not.
  public var preparesAhead: Bool { false }

  /// Nothing.
  public func prepare(_ preparation: TrainingPreparation) throws {}

  /// None.
  public var threadCount: Int? { nil }

  /// This machine's processor.
  public var deviceKind: String? { nil }

  /// This library's.
  public var version: String? { nil }

  /// What a run's log says of the engine.
  public var identity: LoggedEngine {
    LoggedEngine(name: name, device: deviceKind, version: version, threads: threadCount)
  }

  /// Nothing.
  public func obstacle(in program: Program, sequenceLength: Int) -> String? { nil }

  /// The parameters, gradients and moments, for engines that cannot tell more.
  public func trainingByteCount(
    of program: Program, precision: Precision, sequenceCount: Int, sequenceLength: Int
  ) throws -> Int {
    TrainingMemory.sessionBytes(
      parameterCount: program.parameterCount.total, precision: precision)
  }
}

extension TrainingSession {
  /// None.
  public var profiler: Profiler? {
    get { nil }
    set {}
  }
}

/// A model in training: parameters, moments and gradients in the engine's memory.
///
/// Gradients start at zero. Any batch shape may follow any other; the same calls give the same
/// bits, run after run, for a given engine, machine and thread count.
public protocol TrainingSession: AnyObject {
  /// Measures the operations of a step; nil for no profile. An engine whose step is one program may
  /// measure nothing.
  var profiler: Profiler? { get set }

  /// Runs forward and backward and adds the gradients to those already there.
  ///
  /// - Parameters:
  ///   - normalizer: what each target's loss is divided by before it is differentiated: the number
  ///     of targets in the whole optimizer step, so that micro-batches add up to the step's mean.
  ///   - dropoutKey: fixes this micro-batch's dropout; equal keys drop equal units.
  func accumulateGradients(
    of batch: TokenBatch, normalizer: Int, dropoutKey: DropoutKey
  ) throws -> LossSum

  /// The squared Euclidean norm of all gradients accumulated so far.
  func gradientSquaredNorm() throws -> Double

  /// Clips by the global norm, updates every parameter, and zeroes the gradients.
  ///
  /// - Parameters:
  ///   - updates: one for each parameter, in the program's order.
  ///   - clip: the largest global norm; nil for no clip.
  /// - Returns: the global norm before the clip. Where it is not finite, nothing was updated.
  func update(_ updates: [ParameterUpdate], clip: Double?) throws -> Double

  /// Zeroes the gradients, whatever they hold, and updates nothing.
  func discardGradients() throws

  /// The loss of a batch, without dropout or gradients.
  func loss(of batch: TokenBatch) throws -> LossSum

  /// Copies of all gradients accumulated so far, in the program's order, float32.
  func gradients() throws -> [HostTensor]

  /// Copies of parameters and moments, in the program's order; step counts and multipliers are as
  /// they were given.
  func parameters() throws -> [ParameterState]
}

/// A model for scoring and generating; no gradients, no dropout.
public protocol LanguageModel: AnyObject {
  /// Scores every target of a batch; a target of −1 has `logProbability` 0 and `isGreedy` false.
  func score(_ batch: TokenBatch) throws -> [TokenScore]
  /// All logits of a batch, float32 [sequences · length, vocabulary].
  func logits(_ batch: TokenBatch) throws -> HostTensor
  /// A growing sequence whose keys and values are kept.
  ///
  /// - Parameter capacity: the most tokens it will hold.
  func makeDecoder(capacity: Int) throws -> any TokenDecoder
}

/// One sequence being generated, with its key/value cache.
public protocol TokenDecoder: AnyObject {
  /// Tokens appended so far.
  var count: Int { get }
  /// Appends tokens (at least one) and returns the logits that follow the last: one for each
  /// token of the vocabulary.
  func append(_ tokens: [Int32]) throws -> [Float]
}

/// A sum of losses, in nats, and of how many targets.
public struct LossSum: Sendable, Hashable {
  /// Σ −log p(target).
  public var total: Double
  /// The number of targets that counted.
  public var targetCount: Int

  /// Makes a sum.
  public init(total: Double, targetCount: Int) {
    self.total = total
    self.targetCount = targetCount
  }

  /// Nats per target.
  public var mean: Double { total / Double(targetCount) }

  /// Adds sums.
  public static func + (left: LossSum, right: LossSum) -> LossSum {
    LossSum(total: left.total + right.total, targetCount: left.targetCount + right.targetCount)
  }
}

/// What a model says of one target.
public struct TokenScore: Sendable, Hashable {
  /// log p(target), in nats.
  public var logProbability: Float
  /// Whether no other token is likelier; among equals the lowest id is the greedy one.
  public var isGreedy: Bool

  /// Makes a score.
  public init(logProbability: Float, isGreedy: Bool) {
    self.logProbability = logProbability
    self.isGreedy = isGreedy
  }
}

/// Names one micro-batch's dropout: the counters of a counter-based generator.
public struct DropoutKey: Sendable, Hashable {
  /// The run's seed.
  public var seed: UInt64
  /// The optimizer step, from 0.
  public var step: UInt64
  /// The micro-batch within the step, from 0.
  public var microBatch: UInt32

  /// Makes a key.
  public init(seed: UInt64, step: UInt64, microBatch: UInt32) {
    self.seed = seed
    self.step = step
    self.microBatch = microBatch
  }
}
