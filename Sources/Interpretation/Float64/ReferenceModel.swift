// SPDX-License-Identifier: Apache-2.0
import Architectures
import Dispatch
import LinearAlgebra
import Synchronization
import Tensors
import Text
import Training

/// A program's meaning: every operation, forward and backward, in float64 and in memory.
///
/// It is what all engines are measured against.
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
  /// - Throws: ``InterpretationError`` where their number or sizes are not the program's.
  public init(program: Program, parameters: [[Double]]) throws {
    guard parameters.count == program.parameters.count else {
      throw InterpretationError(
        .parameterMismatch,
        "\(parameters.count) parameters; the program has \(program.parameters.count)",
        subject: "parameters")
    }
    for (spec, values) in zip(program.parameters, parameters)
    where values.count != spec.shape.elementCount {
      throw InterpretationError(
        .parameterMismatch, "\(values.count) elements; expected \(spec.shape)", subject: spec.name)
    }
    self.program = program
    self.parameters = parameters
  }

  /// A model of parameters as files hold them.
  ///
  /// - Throws: ``InterpretationError``, or ``TensorsError`` for tensors that hold no real numbers.
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
  /// - Throws: ``InterpretationError`` where the batch does not fit the model.
  public func lossAndGradients(
    _ batch: TokenBatch, normalizer: Double? = nil, dropoutKey: DropoutKey? = nil
  ) throws -> Result {
    let (pass, logits) = try run(batch, dropoutKey, keepsValues: true)
    try pass.runBackward(logits, normalizer: normalizer ?? Double(max(batch.targetCount, 1)))
    return Result(
      loss: pass.loss(logits), gradients: pass.parameterGradients, logits: logits.elements)
  }

  /// The loss of a batch.
  public func loss(_ batch: TokenBatch, dropoutKey: DropoutKey? = nil) throws -> LossSum {
    let (pass, logits) = try run(batch, dropoutKey)
    return pass.loss(logits)
  }

  /// The scaled logits of a batch, [sequences · length, vocabulary], row-major.
  public func logits(_ batch: TokenBatch) throws -> [Double] {
    try run(batch).logits.elements
  }

  /// The experts that tokens of a batch take, of each feed-forward of experts in order.
  ///
  /// - Throws: ``InterpretationError`` where the batch does not fit the model.
  package func chosenExperts(_ batch: TokenBatch) throws -> [Set<Int>] {
    let pass = try interpreter(batch)
    var chosen: [Set<Int>] = []
    for (index, operation) in program.operations.enumerated() {
      guard case .mixture(let mixture) = operation else { continue }
      try pass.run(through: index - 1)
      let shares = try pass.shares(mixture, pass.value(mixture.input))
      chosen.append(Set(shares.flatMap(\.keys)))
    }
    return chosen
  }

  private func run(
    _ batch: TokenBatch, _ dropoutKey: DropoutKey? = nil, keepsValues: Bool = false
  ) throws -> (pass: Interpreter<Double>, logits: Activations<Double>) {
    let pass = try interpreter(batch, dropoutKey, keepsValues: keepsValues)
    try pass.runToHead()
    return (pass, try pass.logits(of: 0..<program.vocabularySize))
  }

  /// On one thread: whoever has several sequences computes one on each.
  private func interpreter(
    _ batch: TokenBatch, _ dropoutKey: DropoutKey? = nil, keepsValues: Bool = false
  ) throws -> Interpreter<Double> {
    try Interpreter(
      program, parameters: MemoryParameters(parameters), batch: batch,
      arithmetic: MatrixArithmetic(threads: 1), keepsValues: keepsValues, dropoutKey: dropoutKey)
  }
}

extension TokenBatch {
  /// What `body` gives for each sequence, in order; sequences run on all cores, or on so many threads.
  package func forEachSequence<Result: Sendable>(
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
