// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Text
import Training

/// A program's meaning: every operation, forward and backward, in float64 and in plain loops.
///
/// It is what all engines are measured against, and as slow as it looks.
public struct ReferenceModel: Sendable {
  /// The program.
  public let program: Program
  /// The parameters, each row-major, in the program's order.
  public var parameters: [[Double]]

  /// What a batch gives.
  public struct Result: Sendable {
    /// The sum of the losses, in nats, and the number of targets.
    public var loss: LossSum
    /// The gradient of the loss divided by the normalizer, by each parameter.
    public var gradients: [[Double]]
    /// Scaled logits, [sequences · length, vocabulary], row-major.
    public var logits: [Double]
  }

  /// A model of these parameters.
  ///
  /// - Throws: ``ReferenceEngineError`` where their number or sizes are not the program's.
  public init(program: Program, parameters: [[Double]]) throws {
    guard parameters.count == program.parameters.count else {
      throw ReferenceEngineError(
        .parameterMismatch,
        "\(parameters.count) parameters; the program has \(program.parameters.count)",
        subject: "parameters")
    }
    for (spec, values) in zip(program.parameters, parameters)
    where values.count != spec.shape.elementCount {
      throw ReferenceEngineError(
        .parameterMismatch, "\(values.count) elements; expected \(spec.shape)", subject: spec.name)
    }
    self.program = program
    self.parameters = parameters
  }

  /// A model of parameters as files hold them.
  ///
  /// - Throws: ``ReferenceEngineError``, or ``TensorsError`` for tensors that hold no real numbers.
  public init(program: Program, tensors: [HostTensor]) throws {
    try self.init(
      program: program,
      parameters: tensors.map { try $0.converted(to: .float32).floats.map(Double.init) })
  }

  /// Loss, gradients and logits of a batch.
  ///
  /// - Parameters:
  ///   - normalizer: what the sum of losses is divided by before it is differentiated; nil for the
  ///     number of targets, so that gradients are those of the mean.
  ///   - dropoutKey: turns dropout on.
  /// - Throws: ``ReferenceEngineError`` where the batch does not fit the model.
  public func lossAndGradients(
    _ batch: TokenBatch, normalizer: Double? = nil, dropoutKey: DropoutKey? = nil
  ) throws -> Result {
    var pass = try ReferencePass(self, batch, dropoutKey)
    pass.runForward()
    pass.runBackward(normalizer: normalizer ?? Double(max(batch.targetCount, 1)))
    return Result(
      loss: pass.loss, gradients: pass.parameterGradients, logits: pass.logits.elements)
  }

  /// The loss of a batch.
  public func loss(_ batch: TokenBatch, dropoutKey: DropoutKey? = nil) throws -> LossSum {
    var pass = try ReferencePass(self, batch, dropoutKey)
    pass.runForward()
    return pass.loss
  }

  /// The scaled logits of a batch, [sequences · length, vocabulary], row-major.
  public func logits(_ batch: TokenBatch) throws -> [Double] {
    var pass = try ReferencePass(self, batch, nil)
    pass.runForward()
    return pass.logits.elements
  }

  /// The experts that tokens of a batch take, of each feed-forward of experts in order.
  ///
  /// - Throws: ``ReferenceEngineError`` where the batch does not fit the model.
  package func chosenExperts(_ batch: TokenBatch) throws -> [Set<Int>] {
    var pass = try ReferencePass(self, batch, nil)
    pass.runForward()
    return program.operations.compactMap { operation in
      guard case .mixture(let mixture) = operation else { return nil }
      return pass.mixture(mixture).chosenExperts(pass.values[mixture.input])
    }
  }
}
