// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Text
import Training

/// A model on an engine, in float32.
public struct EngineModel: MeasuredModel {
  /// The model's program, without dropout.
  public let program: Program
  /// Step counts and multipliers.
  public let clocks: [ParameterClock]
  /// 0: only what is exactly zero counts as no gradient.
  public let gradientRounding = 0.0
  /// float32's.
  public let range =
    Double(Float.leastNormalMagnitude)...Double(Float.greatestFiniteMagnitude)
  private let engine: any TrainingEngine
  private let parameters: [ParameterState]

  /// A model as its files hold it.
  ///
  /// - Throws: the errors of Architectures; ``VerificationError`` where parameters are missing.
  public init(_ state: ModelState, on engine: any TrainingEngine) throws {
    program = try state.program()
    clocks = try state.clocks(program)
    parameters = state.parameters
    self.engine = engine
  }

  /// The model as it is, on the engine.
  public func makeSession() throws -> any MeasuredSession {
    try EngineMeasuredSession(engine: engine, program: program, parameters: parameters)
  }
}

extension ModelState {
  /// The parameters' clocks, with what the training's parametrization makes of them.
  func clocks(_ program: Program) throws -> [ParameterClock] {
    try VerificationError.check(
      parameters.count == program.parameters.count, .mismatch, subject: "parameters",
      "\(parameters.count) for a model of \(program.parameters.count)")
    let clocks = zip(program.parameters, parameters).map { ParameterClock(name: $0.name, $1) }
    return try training?.effective(clocks, of: configuration) ?? clocks
  }
}

private final class EngineMeasuredSession: MeasuredSession {
  private let training: any TrainingSession
  private let makeModel: () throws -> any LanguageModel

  init(engine: any TrainingEngine, program: Program, parameters: [ParameterState]) throws {
    training = try engine.makeSession(for: program, parameters: parameters, precision: .fp32)
    makeModel = {
      try engine.makeLanguageModel(
        for: program, parameters: parameters.map(\.value), precision: .fp32)
    }
  }

  func logits(_ batch: TokenBatch) throws -> [Double] {
    try makeModel().logits(batch).floats.map(Double.init)
  }

  func loss(_ batch: TokenBatch) throws -> LossSum { try training.loss(of: batch) }

  func accumulateGradients(of batch: TokenBatch) throws -> LossSum {
    try training.accumulateGradients(
      of: batch, normalizer: max(1, batch.targetCount),
      dropoutKey: DropoutKey(seed: 0, step: 0, microBatch: 0))
  }

  func gradients() throws -> [[Double]] {
    try training.gradients().map { $0.floats.map(Double.init) }
  }

  func update(_ updates: [ParameterUpdate]) throws { _ = try training.update(updates, clip: nil) }

  func values() throws -> [[Double]] {
    try training.parameters().map { $0.value.floats.map(Double.init) }
  }
}
