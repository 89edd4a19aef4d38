// SPDX-License-Identifier: Apache-2.0
import Architectures
import LinearAlgebra
import Text
import Training

/// One batch on its way through a program, an operation at a time: what the program means.
///
/// Parameters are read when their operation's turn comes, large ones in blocks of rows, and values
/// are dropped after their last reader, unless the way back needs them. Products are sums of the
/// scalar's type; means, softmax and functions are computed in float64. What each operation does, forward
/// and backward, is in the file with its name.
///
/// Legend: R rows = sequences × length, K inputs and N outputs of a linear map, V vocabulary.
package final class Interpreter<Scalar: InterpretedScalar> {
  package let program: Program
  let batch: TokenBatch
  let arithmetic: MatrixArithmetic
  /// Turns dropout on.
  let dropoutKey: DropoutKey?
  /// Elements of a large parameter that are read at once, 16 MiB: few enough to hold, and enough to keep
  /// products busy.
  package var blockElementCount = (16 << 20) / MemoryLayout<Scalar>.stride
  /// Queries of one product of attention; bounds the memory of scores.
  package var queriesAtOnce = 256
  /// The gradients by the parameters, once ``runBackward(normalizer:)`` has added them up.
  package internal(set) var parameterGradients: [[Scalar]] = []

  private let source: any ParameterSource<Scalar>
  private let keepsValues: Bool
  /// Called with the number of parameters that were read.
  private let didRead: (Int) throws -> Void
  private var values: [Program.Value: Activations<Scalar>] = [:]
  private var gradients: [Program.Value: Activations<Scalar>] = [:]
  private var next = 0
  private let lastReaders: [Program.Value: Int]
  private let block = ParameterBlock<Scalar>()

  /// - Parameter keepsValues: whether values are kept for the way back.
  /// - Throws: ``InterpretationError`` for a batch that does not fit the model.
  package init(
    _ program: Program, parameters: any ParameterSource<Scalar>, batch: TokenBatch,
    arithmetic: MatrixArithmetic, keepsValues: Bool = false, dropoutKey: DropoutKey? = nil,
    didRead: @escaping (Int) throws -> Void = { _ in }
  ) throws {
    self.program = program
    self.batch = batch
    self.arithmetic = arithmetic
    self.dropoutKey = dropoutKey
    self.keepsValues = keepsValues
    self.didRead = didRead
    source = parameters
    lastReaders = program.operations.enumerated().reduce(into: [:]) { readers, operation in
      for value in operation.element.inputs { readers[value] = operation.offset }
    }
    if let obstacle = program.obstacle(to: batch) {
      throw InterpretationError(.invalidBatch, obstacle, subject: "batch")
    }
  }

  var rowCount: Int { batch.inputs.count }

  /// Computes all operations up to one and this one itself; the head is not among them.
  package func run(through operation: Int) throws {
    while next <= operation, next < program.operations.count - 1 {
      try forward(program.operations[next])
      if !keepsValues {
        for value in program.operations[next].inputs where lastReaders[value] == next {
          values[value] = nil
        }
      }
      next += 1
    }
  }

  /// Computes all operations but the head.
  package func runToHead() throws { try run(through: program.operations.count - 1) }

  /// Computes the gradients by all parameters, once all operations have run and were kept.
  ///
  /// - Parameters:
  ///   - logits: of the whole vocabulary.
  ///   - normalizer: what the sum of the losses is divided by before it is differentiated.
  package func runBackward(_ logits: Activations<Scalar>, normalizer: Double) throws {
    parameterGradients = program.parameters.map {
      [Scalar](repeating: 0, count: $0.shape.elementCount)
    }
    for operation in program.operations.reversed() {
      try backward(operation, logits, normalizer)
      guard let output = operation.output else { continue }
      values[output] = nil
      gradients[output] = nil
    }
  }

  /// A value that was computed and has readers left.
  ///
  /// - Throws: ``InterpretationError`` for any other, which no program that was built asks for.
  package func value(_ index: Program.Value) throws -> Activations<Scalar> {
    guard let value = values[index] else {
      throw InterpretationError(
        .brokenProgram, "is read before it is written", subject: "value \(index)")
    }
    return value
  }

  /// The loss's gradient by a value as far as it is added up; operations add theirs.
  private func gradient(_ index: Program.Value) -> Activations<Scalar> {
    if let known = gradients[index] { return known }
    let zeros = Activations<Scalar>(rows: rowCount, columns: program.widths[index])
    gradients[index] = zeros
    return zeros
  }
}

// MARK: Operations

extension Interpreter {
  private func forward(_ operation: Program.Operation) throws {
    guard let output = operation.output else { return }
    let y = Activations<Scalar>(rows: rowCount, columns: program.widths[output])
    switch operation {
    case .embedding(let table, _): try embed(table, into: y)
    case .positionEmbedding(let table, let input, _):
      try addPositions(table, to: value(input), into: y)
    case .scale(let factor, let input, _):
      y.copy(try value(input))
      scale(y, by: factor)
    case .norm(let kind, let epsilon, let input, let gain, let bias, _):
      let norm = Norm(
        kind: kind, epsilon: epsilon, width: program.widths[input], gain: gain, bias: bias)
      try self.norm(norm, value(input), into: y)
    case .headNorm(let kind, let epsilon, let input, let headSize, let gain, _):
      let norm = Norm(kind: kind, epsilon: epsilon, width: headSize, gain: gain, bias: nil)
      try self.norm(norm, value(input), into: y)
    case .linear(let input, let weight, let layout, let bias, _):
      try linear(LinearMap(weight, layout, bias), value(input), into: y)
    case .columns(let slice, _): y.copy(try value(slice.value), from: slice.offset)
    case .regroup(let input, let groupCount, let widths, _):
      regroup(try value(input), groupCount, widths, into: y)
    case .rotary(let embedding, let input, let headSize, _):
      y.copy(try value(input.value))
      turn(y, by: embedding, slice: input, headSize: headSize)
    case .attention(let attention): try attend(attention, into: y)
    case .mixture(let mixture): try mix(mixture, value(mixture.input), into: y)
    case .activation(let kind, let input, _): try activate(kind, value(input), into: y)
    case .multiply(let left, let right, _): try multiply(value(left), value(right), into: y)
    case .add(let left, let right, _):
      y.copy(try value(left))
      y.add(try value(right))
    case .dropout(let rate, let stream, let input, _):
      y.copy(try value(input))
      drop(y, rate: rate, stream: stream)
    case .head: break
    }
    values[output] = y
  }

  private func backward(
    _ operation: Program.Operation, _ logits: Activations<Scalar>, _ normalizer: Double
  ) throws {
    if case .head(let input, let weight, let scale) = operation {
      let head = LinearMap(weight, .outputInput, nil)
      return try headBackward(
        head, scale: scale, input: value(input), logits: logits, normalizer: normalizer,
        into: gradient(input))
    }
    guard let output = operation.output else { return }
    let dy = gradient(output)
    switch operation {
    case .embedding(let table, _): embedBackward(table, dy)
    case .positionEmbedding(let table, let input, _):
      addPositionsBackward(table, dy, into: gradient(input))
    case .scale(let factor, let input, _):
      scale(dy, by: factor)
      gradient(input).add(dy)
    case .norm(let kind, let epsilon, let input, let gain, let bias, _):
      let norm = Norm(
        kind: kind, epsilon: epsilon, width: program.widths[input], gain: gain, bias: bias)
      try normBackward(norm, value(input), dy, into: gradient(input))
    case .headNorm(let kind, let epsilon, let input, let headSize, let gain, _):
      let norm = Norm(kind: kind, epsilon: epsilon, width: headSize, gain: gain, bias: nil)
      try normBackward(norm, value(input), dy, into: gradient(input))
    case .linear(let input, let weight, let layout, let bias, _):
      try linearBackward(LinearMap(weight, layout, bias), value(input), dy, into: gradient(input))
    case .columns(let slice, _): columnsBackward(slice, dy, into: gradient(slice.value))
    case .regroup(let input, let groupCount, let widths, _):
      regroupBackward(dy, groupCount, widths, into: gradient(input))
    case .rotary(let embedding, let input, let headSize, _):
      // A turn's derivative is the turn back.
      turn(dy, by: embedding, slice: input, headSize: headSize, backward: true)
      gradient(input.value).add(dy)
    case .attention(let attention):
      try attendBackward(
        attention, dy, into: gradient(attention.query.value), key: gradient(attention.key.value),
        value: gradient(attention.value.value))
    case .mixture(let mixture):
      try mixBackward(mixture, value(mixture.input), dy, into: gradient(mixture.input))
    case .activation(let kind, let input, _):
      try activateBackward(kind, value(input), dy, into: gradient(input))
    case .multiply(let left, let right, _):
      try multiplyBackward(value(right), dy, into: gradient(left))
      try multiplyBackward(value(left), dy, into: gradient(right))
    case .add(let left, let right, _):
      gradient(left).add(dy)
      gradient(right).add(dy)
    case .dropout(let rate, let stream, let input, _):
      drop(dy, rate: rate, stream: stream)
      gradient(input).add(dy)
    case .head: break
    }
  }
}

// MARK: Parameters

extension Interpreter {
  /// Ranges of so many rows of so many elements that fit a block, at least one row each.
  package func blocks(rows: Int, length: Int) -> [Range<Int>] {
    let size = max(1, blockElementCount / max(1, length))
    return stride(from: 0, to: rows, by: size).map { $0..<min($0 + size, rows) }
  }

  /// Calls `body` with block after block of a parameter's rows; the next is announced meanwhile.
  func forEachBlock(
    of parameter: Program.Parameter, rows: Range<Int>, length: Int,
    _ body: (UnsafePointer<Scalar>, Range<Int>) throws -> Void
  ) throws {
    let ranges = blocks(rows: rows.count, length: length).map {
      rows.lowerBound + $0.lowerBound..<rows.lowerBound + $0.upperBound
    }
    for (index, range) in ranges.enumerated() {
      let room = block.room(for: range.count * length)
      try source.read(
        parameter, range.lowerBound * length..<range.upperBound * length, into: room, arithmetic)
      try didRead(range.count * length)
      if index + 1 < ranges.count {
        let following = ranges[index + 1]
        try source.announce(
          parameter, following.lowerBound * length..<following.upperBound * length)
      }
      try body(room, range)
    }
  }

  /// All elements of a small parameter.
  func vector(_ parameter: Program.Parameter) throws -> [Double] {
    let count = program.parameters[parameter].shape.elementCount
    let room = block.room(for: count)
    try source.read(parameter, 0..<count, into: room, arithmetic)
    try didRead(count)
    var result: [Double] = []
    Scalar.withDoubles(reading: room, count) {
      result = Array(UnsafeBufferPointer(start: $0, count: count))
    }
    return result
  }

  /// Some rows of a table, into memory of its reader, who counts them.
  func readRows(
    _ rows: Range<Int>, of table: Program.Parameter, length: Int,
    into target: UnsafeMutablePointer<Scalar>
  ) throws {
    try source.read(
      table, rows.lowerBound * length..<rows.upperBound * length, into: target, arithmetic)
  }

  /// Counts a parameter as read, though only some of it was needed.
  func skip(_ parameter: Program.Parameter) throws {
    try didRead(program.parameters[parameter].shape.elementCount)
  }

  /// Calls `body` with a parameter's gradient, to which it adds.
  func withGradient(
    _ parameter: Program.Parameter, _ body: (UnsafeMutablePointer<Scalar>) throws -> Void
  ) rethrows {
    try parameterGradients[parameter].withUnsafeMutableBufferPointer { gradient in
      guard let base = gradient.baseAddress else { return }
      try body(base)
    }
  }

  /// Adds to a small parameter's gradient.
  func add(_ gradient: [Double], to parameter: Program.Parameter) {
    withGradient(parameter) { sum in
      Scalar.withDoubles(sum, gradient.count) { sum in
        for index in gradient.indices { sum[index] += gradient[index] }
      }
    }
  }
}

/// Room for some rows of a large parameter.
private final class ParameterBlock<Scalar: InterpretedScalar> {
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
