// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Training

/// A model as files hold it: its configuration, its parameters and, where it was in training, their
/// moments and counts.
public struct ModelState: Sendable {
  /// The configuration; dropout is left out of whatever is measured.
  public var configuration: ModelConfiguration
  /// One for each parameter of the configuration's program, in its order.
  public var parameters: [ParameterState]
  /// The training that the model stands in, whose parametrization scales the parameters' rates; nil for
  /// rates as they are.
  public var training: TrainingConfiguration?

  /// Puts a model together.
  public init(_ configuration: ModelConfiguration, _ parameters: [ParameterState]) {
    self.configuration = configuration
    self.parameters = parameters
  }

  /// A model that never trained.
  ///
  /// - Parameter values: float32, one for each parameter of the configuration's program.
  public init(_ configuration: ModelConfiguration, values: [HostTensor]) {
    self.init(configuration, values.map { ParameterState(value: $0) })
  }

  /// The model of a training state.
  public init(_ state: TrainingState) {
    self.init(state.status.model, state.parameters)
    training = state.status.training
  }

  /// The model as one that never trained.
  public var weightsAlone: ModelState { ModelState(configuration, values: parameters.map(\.value)) }

  /// The model's program without dropout, which would compare random numbers.
  func program() throws -> Program { try configuration.withoutDropout.program() }

  /// Whether an optimizer keeps anything of any parameter.
  var hasMoments: Bool { parameters.contains { !$0.slots.isEmpty } }
}

extension ModelConfiguration {
  /// The same model with all dropout off.
  var withoutDropout: ModelConfiguration {
    var copy = self
    copy.dropout = .none
    return copy
  }
}
