// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Text
import Training

/// A model that can be computed and trained, in whatever arithmetic.
///
/// Every measurement is written once, against this: ``ExactModel`` computes in float64,
/// ``EngineModel`` in float32 on any engine.
public protocol MeasuredModel: Sendable {
  /// The model's program, without dropout.
  var program: Program { get }
  /// Step counts and multipliers of the parameters, in the program's order.
  var clocks: [ParameterClock] { get }
  /// The share of the norm of all gradients at and below which a gradient is nothing but rounding; 0
  /// where rounding is too coarse to tell small gradients from none.
  var gradientRounding: Double { get }
  /// From the least number that has all of the arithmetic's digits to the largest: products below end as
  /// zeros, those above as infinities, whose inverses are zeros again.
  var range: ClosedRange<Double> { get }
  /// The model as it is, ready to be computed and trained; each session is a new start.
  func makeSession() throws -> any MeasuredSession
}

/// A model being computed and trained for a measurement.
public protocol MeasuredSession: AnyObject {
  /// Scaled logits, [sequences · length, vocabulary], row-major.
  func logits(_ batch: TokenBatch) throws -> [Double]
  /// The loss of a batch, without gradients.
  func loss(_ batch: TokenBatch) throws -> LossSum
  /// Adds the gradients of a batch's mean loss to those already there.
  func accumulateGradients(of batch: TokenBatch) throws -> LossSum
  /// All gradients accumulated so far, in the program's order.
  func gradients() throws -> [[Double]]
  /// Updates every parameter without a clip, and zeroes the gradients.
  func update(_ updates: [ParameterUpdate]) throws
  /// The parameters, in the program's order.
  func values() throws -> [[Double]]
}

/// How a measurement trains: an optimizer at one learning rate, without a clip.
public struct MeasuredTraining: Sendable, Hashable {
  /// The optimizer; its clip is not applied.
  public var optimizer: OptimizerConfiguration
  /// The rate of every step, before the parameters' multipliers.
  public var learningRate: Double

  /// The rate where none is asked for.
  public static let usualRate = 1e-3

  /// Makes settings.
  public init(
    optimizer: OptimizerConfiguration = .adamW(AdamWConfiguration()),
    learningRate: Double = usualRate
  ) {
    self.optimizer = optimizer
    self.learningRate = learningRate
  }

  /// The same at the usual rate.
  var atUsualRate: MeasuredTraining {
    MeasuredTraining(optimizer: optimizer, learningRate: Self.usualRate)
  }
}

/// A model in training, with its clocks.
struct MeasuredRun {
  let session: any MeasuredSession
  private let program: Program
  private let training: MeasuredTraining
  private var clocks: [ParameterClock]

  /// - Parameter keepsRates: whether new entries have their own rates, which may begin at zero.
  init(
    _ model: any MeasuredModel, _ training: MeasuredTraining, keepsRates: Bool = true
  ) throws {
    session = try model.makeSession()
    program = model.program
    clocks = keepsRates ? model.clocks : model.clocks.map(\.withoutNewRates)
    self.training = training
  }

  /// Takes a step and returns the loss before it.
  mutating func step(_ batch: TokenBatch) throws -> Double {
    let loss = try session.accumulateGradients(of: batch)
    try update()
    return loss.mean
  }

  /// Takes a step by the gradients that were accumulated.
  mutating func update() throws {
    try session.update(
      training.optimizer.updates(
        learningRate: training.learningRate, parameters: program.parameters, clocks: clocks))
    training.optimizer.advance(&clocks, of: program.parameters)
  }
}

extension ParameterClock {
  /// The same with new entries at the rate of all others.
  fileprivate var withoutNewRates: ParameterClock {
    var result = self
    for index in result.newEntries.indices { result.newEntries[index].rate = nil }
    return result
  }
}
