// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO
import Training

/// A module's text, and what it takes and gives.
struct WrittenProgram {
  /// What it is for, in a word.
  var name: String
  var text: String
  var arguments: [TensorType]
  var outputs: [TensorType]
  /// The arguments behind all others.
  var tables: [LookupTable]

  init(
    _ function: FunctionBuilder, named name: String, returning outputs: [Tensor],
    tables: [LookupTable] = []
  ) throws {
    self.name = name
    text = try function.module(named: name, returning: outputs)
    arguments = function.argumentTypes
    self.outputs = outputs.map(\.type)
    self.tables = tables
  }
}

/// The one place where what runs on a device is written: a model's programs, by what they are for.
///
/// The arguments of each stand in its description, in their order; tables follow.
struct ProgramWriter {
  let program: Program
  let options: LoweringOptions

  private var parameterTypes: [TensorType] {
    program.parameters.map { TensorType(.float32, $0.shape.extents) }
  }

  private func arguments(_ function: FunctionBuilder, _ types: [TensorType]) -> [Tensor] {
    types.map(function.argument)
  }

  private func lowering(
    _ function: FunctionBuilder, _ batch: BatchShape, _ parameters: [Tensor]
  ) -> Lowering {
    Lowering(program, function, batch: batch, options: options, parameters: parameters)
  }
}

// MARK: Training

extension ProgramWriter {
  /// Tokens, targets, the factor on each loss, and the dropout's three words.
  private struct BatchArguments {
    var tokens: Tensor
    var targets: Tensor
    var lossWeight: Tensor
    var dropoutKey: Tensor

    init(_ function: FunctionBuilder, _ batch: BatchShape) {
      let rows = TensorType(.int32, [batch.rowCount])
      tokens = function.argument(rows)
      targets = function.argument(rows)
      lossWeight = function.argument(TensorType(.float32))
      dropoutKey = function.argument(TensorType(.uint32, [3]))
    }
  }

  /// Parameters, gradients so far if there are any, and a batch; gives gradients and each row's loss.
  func gradients(_ batch: BatchShape, accumulates: Bool) throws -> WrittenProgram {
    let function = FunctionBuilder()
    let parameters = arguments(function, parameterTypes)
    let before = accumulates ? arguments(function, parameterTypes) : []
    let lowering = lowering(function, batch, parameters)
    let inputs = BatchArguments(function, batch)
    lowering.dropoutKey = inputs.dropoutKey
    lowering.lowerToHead(inputs.tokens, recomputes: options.recomputes)
    let losses = lowering.lowerLoss(inputs.targets, lossWeight: inputs.lossWeight)
    let added = lowering.lowerBackward()
    for (index, argument) in before.enumerated() { function.donate(argument, to: index) }
    let gradients = accumulates ? zip(before, added).map { $0 + $1 } : added
    return try WrittenProgram(
      function, named: "gradients", returning: gradients + [losses], tables: lowering.tables)
  }

  /// Gradients; gives their squared norm in float64.
  func squaredNorm() throws -> WrittenProgram {
    let function = FunctionBuilder()
    let gradients = arguments(function, parameterTypes)
    return try WrittenProgram(
      function, named: "norm", returning: [UpdateLowering.squaredNorm(gradients)])
  }

  /// Parameters and their slots, gradients, and the update's numbers; gives parameters, slots and the
  /// gradients' squared norm.
  func update(_ rules: [UpdateRule]) throws -> WrittenProgram {
    let function = FunctionBuilder()
    let state = StateArguments(function, parameterTypes, rules)
    let gradients = arguments(function, parameterTypes)
    let update = UpdateLowering(
      function, rules: rules, types: parameterTypes, precision: options.precision)
    return try WrittenProgram(
      function, named: "update", returning: update.lower(state, gradients: gradients))
  }
}

// MARK: Inference

extension ProgramWriter {
  /// Parameters, tokens and targets; gives each row's log probability of its target, and whether no other
  /// token is likelier.
  func scores(_ batch: BatchShape) throws -> WrittenProgram {
    let function = FunctionBuilder()
    let parameters = arguments(function, parameterTypes)
    let rows = TensorType(.int32, [batch.rowCount])
    let (tokens, targets) = (function.argument(rows), function.argument(rows))
    let lowering = lowering(function, batch, parameters)
    lowering.lowerToHead(tokens)
    let scores = lowering.lowerScores(targets)
    return try WrittenProgram(
      function, named: "scores", returning: [scores.logProbabilities, scores.greedy],
      tables: lowering.tables)
  }

  /// Parameters and tokens; gives all logits.
  func logits(_ batch: BatchShape) throws -> WrittenProgram {
    let function = FunctionBuilder()
    let parameters = arguments(function, parameterTypes)
    let tokens = function.argument(TensorType(.int32, [batch.rowCount]))
    let lowering = lowering(function, batch, parameters)
    lowering.lowerToHead(tokens)
    return try WrittenProgram(
      function, named: "logits", returning: [lowering.lowerLogits()], tables: lowering.tables)
  }

  /// Parameters, keys and values so far, the piece's tokens, its first position and its last row that
  /// counts; gives keys and values, and the logits of that row.
  func decoding(pieceLength: Int, capacity: Int) throws -> WrittenProgram {
    let function = FunctionBuilder()
    let parameters = arguments(function, parameterTypes)
    let before = arguments(function, cacheTypes(capacity: capacity))
    let tokens = function.argument(TensorType(.int32, [pieceLength]))
    let number = TensorType(.int32)
    let (position, lastRow) = (function.argument(number), function.argument(number))
    let batch = BatchShape(sequenceCount: 1, sequenceLength: pieceLength)
    let lowering = lowering(function, batch, parameters)
    let cache = CacheLowering(capacity: capacity, position: position, before: before)
    lowering.cache = cache
    lowering.lowerToHead(tokens)
    for (index, argument) in before.enumerated() { function.donate(argument, to: index) }
    return try WrittenProgram(
      function, named: "decoding",
      returning: cache.after + [lowering.lowerLogits(ofRow: lastRow)], tables: lowering.tables)
  }

  /// The types of keys and values, of each attention in order.
  func cacheTypes(capacity: Int) -> [TensorType] {
    program.operations.flatMap { operation -> [TensorType] in
      guard case .attention(let attention) = operation else { return [] }
      let type = TensorType(
        .float32, [attention.keyValueHeadCount, capacity, attention.headSize])
      return [type, type]
    }
  }
}
