// SPDX-License-Identifier: Apache-2.0
import Architectures
import Interpretation
import LinearAlgebra
import Tensors
import Text
import Training

/// A model of any family, computed in float32 an operation at a time from the files that hold it.
///
/// It trains nothing and remembers nothing: parameters are read when their operation's turn comes and
/// dropped after it, large ones in blocks of rows. So a model larger than memory is computed in some
/// tens of megabytes and what the batch's activations take, reading each of its bytes once.
///
///     let model = try LayerwiseModel(ModelDirectory(reading: directory))
///     let logits = try model.logits(batch)
public struct LayerwiseModel: Sendable {
  /// The model's program.
  public let program: Program
  private let parameters: any ParameterSource<Float>
  /// Instead of the interpreter's own, for tests: elements of a parameter that are read at once.
  package var blockElementCount: Int?
  /// The same of the queries of one product of attention.
  package var queriesAtOnce: Int?

  /// A model in a directory.
  ///
  /// - Throws: the errors of Checkpoints.
  public init(_ directory: ModelDirectory) throws {
    program = directory.program
    parameters = try StoredParameters(directory)
  }

  /// A model in memory.
  ///
  /// - Throws: the errors of Architectures; ``VerificationError`` where parameters are missing.
  public init(_ state: ModelState) throws {
    program = try state.program()
    _ = try state.clocks(program)
    parameters = StoredParameters(state, of: program)
  }

  /// The model with its parameters rounded as a grown file's are.
  init(_ model: LayerwiseModel, rounding: FileRounding) {
    program = model.program
    let parameters = model.parameters
    self.parameters = MadeParameters { parameter, elements, target, arithmetic in
      try parameters.read(parameter, elements, into: target, arithmetic)
      let piece = UnsafeBufferPointer(start: target, count: elements.count)
      let tensor = HostTensor(Array(piece), shape: [elements.count])
      for (index, value) in try rounding.rounded(tensor).floats.enumerated() {
        target[index] = value
      }
    }
  }

  /// Scaled logits, [sequences · length, vocabulary], row-major.
  ///
  /// - Parameter threads: how many threads compute; nil for all processors this process may use.
  /// - Throws: ``InterpretationError`` for a batch or tensor that does not fit, the errors of Checkpoints
  ///   and of LinearAlgebra.
  public func logits(_ batch: TokenBatch, threads: Int? = nil) throws -> [Float] {
    let pass = try pass(batch, MatrixArithmetic(threads: threads))
    try pass.runToHead()
    return try pass.logits(of: 0..<program.vocabularySize).elements
  }

  /// The residual stream before the first block and after each, [sequences · length, hidden size],
  /// row-major; nil where the program has no such stream.
  ///
  /// - Throws: as ``logits(_:threads:)``.
  public func residualStream(_ batch: TokenBatch, threads: Int? = nil) throws -> [[Float]]? {
    guard let stream = ResidualStream(program) else { return nil }
    let pass = try pass(batch, MatrixArithmetic(threads: threads))
    return try (0...stream.blocks.count).map { count in
      let point = stream.point(after: count)
      try pass.run(through: point.operation)
      return try pass.value(point.value).elements
    }
  }

  /// A batch at the beginning of its way.
  func pass(
    _ batch: TokenBatch, _ arithmetic: MatrixArithmetic,
    didRead: @escaping (Int) throws -> Void = { _ in }
  ) throws -> Interpreter<Float> {
    let pass = try Interpreter(
      program, parameters: parameters, batch: batch, arithmetic: arithmetic, didRead: didRead)
    pass.blockElementCount = blockElementCount ?? pass.blockElementCount
    pass.queriesAtOnce = queriesAtOnce ?? pass.queriesAtOnce
    return pass
  }
}

extension StoredParameters {
  /// A model in memory.
  init(_ state: ModelState, of program: Program) {
    self.init(program) { .memory(try state.parameters[$0].value.view) }
  }
}

extension Program {
  /// Parameters that a pass reads; a tied head's table counts twice.
  var readCount: Int {
    operations.reduce(0) { sum, operation in
      sum + operation.parameters.reduce(0) { $0 + parameters[$1].shape.elementCount }
    }
  }
}
