// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Text
import Training

/// The reference model as an engine: for tests of what stands above an engine.
///
/// It computes in float64 whatever precision is asked for, and knows no threads.
public struct Float64Engine: TrainingEngine {
  /// "float64 reference".
  public let name = "float64 reference"

  /// The engine.
  public init() {}

  /// Readies a program for training, in float64.
  ///
  /// - Throws: ``InterpretationError`` where the parameters do not fit.
  public func makeSession(
    for program: Program, parameters: [ParameterState], precision: Precision
  ) throws -> any TrainingSession {
    try Float64Session(program: program, states: parameters)
  }

  /// Readies a program for scoring and generating, in float64.
  ///
  /// - Throws: ``InterpretationError`` where the parameters do not fit.
  public func makeLanguageModel(
    for program: Program, parameters: [HostTensor], precision: Precision
  ) throws -> any LanguageModel {
    Float64LanguageModel(model: try ReferenceModel(program: program, tensors: parameters))
  }

  /// A nominal billion: nobody asks how fast a reference could be.
  public func measurePeak(precision: Precision) throws -> Double { 1e9 }
}
