// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Text

/// One batch on its way through a program, forward, an operation at a time.
///
/// Parameters are read when their operation's turn comes, large ones in blocks of rows, and values
/// are dropped after their last reader. Products are sums of the scalar's type; means, softmax and
/// functions are computed in float64.
///
/// Legend: R rows = sequences × length, K inputs and N outputs of a linear map.
final class LayerwisePass<Scalar: LayerwiseScalar> {
  let program: Program
  let parameters: LayerwiseParameters<Scalar>
  let batch: TokenBatch
  let arithmetic: MatrixArithmetic
  let queriesAtOnce: Int
  private let blockElementCount: Int
  /// Called with the number of parameters that were read.
  let didRead: (Int) throws -> Void
  private(set) var values: [Program.Value: Activations<Scalar>] = [:]
  private var next = 0
  private let lastReaders: [Program.Value: Int]
  let block = ParameterBlock<Scalar>()

  /// - Throws: ``VerificationError`` for a batch that does not fit the model.
  init(
    _ program: Program, _ parameters: LayerwiseParameters<Scalar>, _ batch: TokenBatch,
    _ arithmetic: MatrixArithmetic, blockElementCount: Int = 4 << 20, queriesAtOnce: Int = 256,
    didRead: @escaping (Int) throws -> Void
  ) throws {
    self.program = program
    self.parameters = parameters
    self.batch = batch
    self.arithmetic = arithmetic
    self.didRead = didRead
    self.blockElementCount = blockElementCount
    self.queriesAtOnce = max(1, queriesAtOnce)
    lastReaders = program.operations.enumerated().reduce(into: [:]) { readers, operation in
      for value in operation.element.inputs { readers[value] = operation.offset }
    }
    try checkBatch()
  }

  var rowCount: Int { batch.inputs.count }

  /// Ranges of so many rows of so many elements that fit a block, at least one row each.
  func blocks(rows: Int, length: Int) -> [Range<Int>] {
    let size = max(1, blockElementCount / max(1, length))
    return stride(from: 0, to: rows, by: size).map { $0..<min($0 + size, rows) }
  }

  /// Computes all operations up to one and this one itself; the head is not among them.
  func run(through operation: Int) throws {
    while next <= operation, next < program.operations.count - 1 {
      try compute(program.operations[next])
      for (value, reader) in lastReaders where reader == next { values[value] = nil }
      next += 1
    }
  }

  /// Computes all operations but the head.
  func runToHead() throws { try run(through: program.operations.count - 1) }

  /// A value that was computed and has readers left.
  ///
  /// - Throws: ``VerificationError`` for any other, which no program that was built asks for.
  func value(_ index: Program.Value) throws -> Activations<Scalar> {
    guard let value = values[index] else {
      throw VerificationError(.mismatch, "is read before it is written", subject: "value \(index)")
    }
    return value
  }

  private func compute(_ operation: Program.Operation) throws {
    guard let output = operation.output else { return }
    let result = Activations<Scalar>(rows: rowCount, columns: program.widths[output])
    switch operation {
    case .embedding(let table, _): try embed(table, into: result)
    case .positionEmbedding(let table, let input, _):
      try addPositions(table, to: value(input), into: result)
    case .scale(let factor, let input, _): try scale(value(input), by: factor, into: result)
    case .norm(let kind, let epsilon, let input, let gain, let bias, _):
      try normalise(
        value(input), kind, epsilon, width: program.widths[input], gain, bias, into: result)
    case .headNorm(let kind, let epsilon, let input, let headSize, let gain, _):
      try normalise(value(input), kind, epsilon, width: headSize, gain, nil, into: result)
    case .linear(let input, let weight, let layout, let bias, _):
      try multiply(value(input), by: weight, layout, into: result)
      if let bias { try add(bias, to: result) }
    case .columns(let slice, _): copy(try value(slice.value), from: slice.offset, into: result)
    case .regroup(let input, let groupCount, let widths, _):
      regroup(try value(input), groupCount, widths, into: result)
    case .rotary(let embedding, let input, let headSize, _):
      try turn(embedding, input, headSize, into: result)
    case .attention(let attention): try attend(attention, into: result)
    case .mixture(let mixture): try mix(mixture, into: result)
    case .activation(let kind, let input, _): try activate(kind, value(input), into: result)
    case .multiply(let left, let right, _):
      try combine(value(left), value(right), into: result) { $0 * $1 }
    case .add(let left, let right, _):
      try combine(value(left), value(right), into: result) { $0 + $1 }
    case .dropout(_, _, let input, _): copy(try value(input), from: 0, into: result)
    case .head: break
    }
    values[output] = result
  }

  private func checkBatch() throws {
    let c = program.configuration
    let vocabulary = Int32(clamping: c.vocabularySize)
    try VerificationError.check(rowCount > 0, .invalidBatch, "batch", "has no tokens")
    for (tokens, least, name) in [(batch.inputs, 0, "inputs"), (batch.targets, -1, "targets")] {
      let token = tokens.first { !(Int32(least)..<vocabulary).contains($0) }
      try VerificationError.check(
        token == nil, .invalidBatch, name,
        "token \(token ?? 0) is not from \(least) to below \(vocabulary)")
    }
    let hasTable = program.parameters.contains { $0.role == .positionEmbedding }
    try VerificationError.check(
      !hasTable || batch.sequenceLength <= c.contextLength, .invalidBatch, "sequenceLength",
      "sequences of \(batch.sequenceLength) are longer than the context of \(c.contextLength)")
  }
}

/// Room for some rows of a large parameter.
final class ParameterBlock<Scalar: LayerwiseScalar> {
  private var buffer = UnsafeMutableBufferPointer<Scalar>(start: nil, count: 0)

  deinit { buffer.deallocate() }

  /// Memory for so many elements, whose contents are anything.
  func room(for count: Int) -> UnsafeMutablePointer<Scalar> {
    if let base = buffer.baseAddress, buffer.count >= count { return base }
    buffer.deallocate()
    let base = UnsafeMutablePointer<Scalar>.allocate(capacity: max(1, count))
    buffer = UnsafeMutableBufferPointer(start: base, count: max(1, count))
    buffer.initialize(repeating: 0)
    return base
  }
}
