// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO
import Training

/// Writes a program's operations as StableHLO for one batch shape.
///
/// What an operation does forward and backward stands in one function of the file with its name: it
/// returns its output, and leaves a closure that adds to its inputs' and parameters' gradients what
/// follows from the output's. Only training calls those, the last one first.
///
/// Legend: B sequences, T positions of each, R = B · T rows, one row for each token.
final class Lowering {
  let program: Program
  let function: FunctionBuilder
  let batch: BatchShape
  let options: LoweringOptions
  /// The parameters, in the program's order.
  let parameters: [Tensor]
  /// The dropout's key and last counter, three words; nil for no dropout.
  var dropoutKey: Tensor?
  /// Keys and values of earlier positions; nil where sequences are computed whole.
  var cache: CacheLowering?
  /// Tables that the program reads, arguments behind all others.
  private(set) var tables: [LookupTable] = []

  private var tableArguments: [LookupTable: Tensor] = [:]
  private var values: [Program.Value: Tensor] = [:]
  private var gradients: [Program.Value: Tensor] = [:]
  private var parameterGradients: [Program.Parameter: Tensor] = [:]
  private var pullbacks: [(output: Program.Value, add: (Tensor) -> Void)] = []

  init(
    _ program: Program, _ function: FunctionBuilder, batch: BatchShape, options: LoweringOptions,
    parameters: [Tensor]
  ) {
    self.program = program
    self.function = function
    self.batch = batch
    self.options = options
    self.parameters = parameters
  }

  var rowCount: Int { batch.rowCount }

  /// Writes all operations but the head.
  ///
  /// - Parameters:
  ///   - tokens: one for each row.
  ///   - recomputes: whether what a block computes is computed again on the way back.
  func lowerToHead(_ tokens: Tensor, recomputes: Bool = false) {
    guard recomputes else { return lower(program.operations[...], tokens) }
    for section in program.sections {
      let operations = program.operations[section.operations]
      guard let input = section.input else {
        lower(operations, tokens)
        continue
      }
      lower(operations, tokens, forgetting: input, section.output)
    }
  }

  private func lower(_ operations: ArraySlice<Program.Operation>, _ tokens: Tensor) {
    for operation in operations {
      guard let output = operation.output else { continue }
      values[output] = lower(operation, tokens)
    }
  }

  /// Writes operations from one value to another, and once more on their way back.
  private func lower(
    _ operations: ArraySlice<Program.Operation>, _ tokens: Tensor,
    forgetting input: Program.Value, _ output: Program.Value
  ) {
    let known = pullbacks.count
    lower(operations, tokens)
    pullbacks.removeSubrange(known...)
    onBackward(output) { [self] dy in
      // Behind the gradient, so that no compiler takes what was computed before for it, or keeps it.
      let again = function.barrier([value(input), dy])
      values[input] = again[0]
      let before = pullbacks
      pullbacks = []
      lower(operations, tokens)
      gradients[output] = again[1]
      followBack()
      pullbacks = before
    }
  }

  private func lower(_ operation: Program.Operation, _ tokens: Tensor) -> Tensor {
    switch operation {
    case .embedding(let table, let output): embed(tokens, table, output)
    case .positionEmbedding(let table, let input, let output):
      addPositions(table, input, output)
    case .scale(let factor, let input, let output): scale(input, by: factor, output)
    case .norm(let kind, let epsilon, let input, let gain, let bias, let output):
      normalise(
        NormLowering(
          kind: kind, epsilon: epsilon, width: program.widths[input], gain: gain, bias: bias),
        input, output)
    case .headNorm(let kind, let epsilon, let input, let headSize, let gain, let output):
      normalise(
        NormLowering(kind: kind, epsilon: epsilon, width: headSize, gain: gain, bias: nil), input,
        output)
    case .linear(let input, let weight, let layout, let bias, let output):
      map(input, LinearLowering(weight: weight, layout: layout, bias: bias), output)
    case .columns(let slice, let output): takeColumns(slice, output)
    case .regroup(let input, let groupCount, let widths, let output):
      regroup(input, groupCount, widths: widths, output)
    case .rotary(let embedding, let slice, let headSize, let output):
      turn(slice, RotaryLowering(embedding: embedding, headSize: headSize), output)
    case .attention(let attention): attend(attention)
    case .mixture(let mixture): mix(mixture)
    case .activation(let kind, let input, let output): activate(kind, input, output)
    case .multiply(let left, let right, let output): multiply(left, right, output)
    case .add(let left, let right, let output): add(left, right, output)
    case .dropout(let rate, let stream, let input, let output):
      drop(input, DropoutLowering(rate: rate, stream: stream), output)
    case .head: preconditionFailure("the head has no output")
    }
  }

  /// What was written for a value.
  func value(_ value: Program.Value) -> Tensor {
    guard let known = values[value] else {
      preconditionFailure("value \(value) is read before it is written")
    }
    return known
  }

  /// The columns of a slice.
  func value(_ slice: Program.Slice) -> Tensor {
    value(slice.value).slice(slice.offset..<slice.offset + slice.width, axis: 1)
  }

  /// A parameter as products read it.
  func operand(parameter: Program.Parameter) -> Tensor { operand(parameters[parameter]) }

  /// A tensor as products read it.
  func operand(_ tensor: Tensor) -> Tensor {
    options.precision == .bf16 ? tensor.converted(to: .bfloat16) : tensor
  }

  /// A table of the program's, one argument for all that read it.
  func argument(for table: LookupTable) -> Tensor {
    if let known = tableArguments[table] { return known }
    let made = function.argument(table.type)
    tableArguments[table] = made
    tables.append(table)
    return made
  }
}

// MARK: The way back

extension Lowering {
  /// Says what an operation's inputs and parameters gain, given the gradient of its output.
  func onBackward(_ output: Program.Value, _ add: @escaping (Tensor) -> Void) {
    pullbacks.append((output, add))
  }

  /// Adds to a value's gradient.
  func contribute(_ gradient: Tensor, to value: Program.Value) {
    gradients[value] = gradients[value].map { $0 + gradient } ?? gradient
  }

  /// Adds to the gradient of a slice's columns.
  func contribute(_ gradient: Tensor, to slice: Program.Slice) {
    let behind = program.widths[slice.value] - slice.offset - slice.width
    contribute(gradient.padded(before: slice.offset, after: behind, axis: 1), to: slice.value)
  }

  /// Adds to a parameter's gradient.
  func contribute(_ gradient: Tensor, toParameter parameter: Program.Parameter) {
    let known = parameterGradients[parameter]
    parameterGradients[parameter] = known.map { $0 + gradient } ?? gradient
  }

  /// Writes all operations' way back, once the head has contributed.
  ///
  /// - Returns: the parameters' gradients, in the program's order; zeros for one that nothing read.
  func lowerBackward() -> [Tensor] {
    followBack()
    return parameters.enumerated().map { index, parameter in
      parameterGradients[index] ?? function.constant(0, parameter.type)
    }
  }
}

extension Lowering {
  private func followBack() {
    for (output, add) in pullbacks.reversed() {
      if let gradient = gradients.removeValue(forKey: output) { add(gradient) }
    }
  }
}

/// The extents of a batch.
struct BatchShape: Hashable {
  var sequenceCount: Int
  var sequenceLength: Int

  var rowCount: Int { sequenceCount * sequenceLength }
}
