// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO
import Tensors
import Text
import Training

/// A model's parameters in a device's memory, with the programs compiled for it so far; what training and
/// inference share.
final class DeviceModel {
  let program: Program
  let client: DeviceClient
  private let executables: ExecutableCache
  var values: [DeviceBuffer]
  let writer: ProgramWriter

  /// What a program is compiled for.
  enum Purpose: Hashable {
    case gradients(BatchShape, accumulates: Bool)
    case squaredNorm
    case update([UpdateRule])
    case scores(BatchShape)
    case logits(BatchShape)
    case decoding(pieceLength: Int, capacity: Int)
  }

  private var compiled: [Purpose: (executable: Executable, tables: [DeviceBuffer])] = [:]
  private var recentlyUsed: [Purpose] = []
  private static let compiledLimit = 32
  private var tables: [LookupTable: DeviceBuffer] = [:]

  /// - Throws: ``XLAEngineError`` for a parameter that does not fit.
  init(
    _ program: Program, parameters: [HostTensor], options: LoweringOptions, client: DeviceClient,
    executables: ExecutableCache
  ) throws {
    guard parameters.count == program.parameters.count else {
      throw XLAEngineError(
        .invalidParameters,
        "\(parameters.count) given; the program has \(program.parameters.count)",
        subject: "parameters")
    }
    self.program = program
    self.client = client
    self.executables = executables
    writer = ProgramWriter(program: program, options: options)
    values = []
    for (spec, tensor) in zip(program.parameters, parameters) {
      values.append(try Self.upload(tensor, spec, client))
    }
  }

  /// Copies one tensor of a parameter to the device, after checking its shape and type.
  static func upload(
    _ tensor: HostTensor, _ spec: ParameterSpec, _ client: DeviceClient
  ) throws -> DeviceBuffer {
    guard tensor.shape == spec.shape, tensor.dtype == .float32 else {
      throw XLAEngineError(
        .invalidParameters,
        "is \(tensor.dtype) \(tensor.shape); the program wants float32 \(spec.shape)",
        subject: spec.name)
    }
    return try tensor.withUnsafeBytes {
      try client.upload($0, TensorType(.float32, spec.shape.extents))
    }
  }

  /// Runs the program for a purpose, which is compiled at its first use; tables are added to the arguments.
  func run(_ purpose: Purpose, _ arguments: [DeviceBuffer]) throws -> [DeviceBuffer] {
    let (executable, tables) = try compile(purpose)
    return try executable.run(arguments + tables)
  }

  private func compile(
    _ purpose: Purpose
  ) throws -> (executable: Executable, tables: [DeviceBuffer]) {
    recentlyUsed.removeAll { $0 == purpose }
    recentlyUsed.append(purpose)
    if let known = compiled[purpose] { return known }
    let written = try write(purpose)
    let executable = try executables.executable(for: written, on: client)
    let made = (executable, try written.tables.map { try buffer(of: $0) })
    compiled[purpose] = made
    if recentlyUsed.count > Self.compiledLimit { compiled[recentlyUsed.removeFirst()] = nil }
    return made
  }

  private func write(_ purpose: Purpose) throws -> WrittenProgram {
    switch purpose {
    case .gradients(let batch, let accumulates):
      try writer.gradients(batch, accumulates: accumulates)
    case .squaredNorm: try writer.squaredNorm()
    case .update(let rules): try writer.update(rules)
    case .scores(let batch): try writer.scores(batch)
    case .logits(let batch): try writer.logits(batch)
    case .decoding(let pieceLength, let capacity):
      try writer.decoding(pieceLength: pieceLength, capacity: capacity)
    }
  }

  private func buffer(of table: LookupTable) throws -> DeviceBuffer {
    if let known = tables[table] { return known }
    let made = try client.upload(table.elements, table.type)
    tables[table] = made
    return made
  }
}

// MARK: Batches

extension BatchShape {
  /// The shape that batches of some extents are scored in: extents are rounded up, so that few are compiled.
  init(scoring batch: TrainingPreparation.BatchExtents, by program: Program) {
    let mostPositions = program.positionCount ?? .max
    sequenceLength = min(DeviceModel.roundedUp(max(batch.sequenceLength, 16)), mostPositions)
    sequenceCount = DeviceModel.roundedUp(batch.sequenceCount)
  }
}

extension DeviceModel {
  /// - Throws: ``XLAEngineError`` for tokens outside the vocabulary, or sequences that are too long.
  func check(_ batch: TokenBatch) throws {
    guard let obstacle = program.obstacle(to: batch) else { return }
    throw XLAEngineError(.invalidBatch, obstacle, subject: "batch")
  }

  /// One number for each row of a batch.
  func upload(rows: [Int32]) throws -> DeviceBuffer {
    try client.upload(rows, TensorType(.int32, [rows.count]))
  }

  /// The batch with sequences and tokens added that do not count, so that few shapes are compiled.
  ///
  /// Extents become multiples of a quarter of the power of two below them. What is added stands behind what
  /// counts, which does not see it.
  func roundedUp(_ batch: TokenBatch) -> TokenBatch {
    let shape = BatchShape(
      scoring: .init(sequenceCount: batch.sequenceCount, sequenceLength: batch.sequenceLength),
      by: program)
    let (count, length) = (shape.sequenceCount, shape.sequenceLength)
    var result = TokenBatch(
      sequenceCount: count, sequenceLength: length,
      inputs: [Int32](repeating: 0, count: count * length),
      targets: [Int32](repeating: -1, count: count * length))
    for row in batch.inputs.indices {
      let (sequence, position) = row.quotientAndRemainder(dividingBy: batch.sequenceLength)
      result.inputs[sequence * length + position] = batch.inputs[row]
      result.targets[sequence * length + position] = batch.targets[row]
    }
    return result
  }

  /// The next multiple of a quarter of the power of two below.
  static func roundedUp(_ number: Int) -> Int {
    let power = 1 << (Int.bitWidth - 1 - max(1, number).leadingZeroBitCount)
    let quarter = max(1, power / 4)
    return (number + quarter - 1) / quarter * quarter
  }

  /// What each row's target scores: log probabilities, 0 without a target, and whether none is likelier.
  func scores(_ batch: TokenBatch) throws -> (logProbabilities: [Float], greedy: [UInt8]) {
    try check(batch)
    let whole = roundedUp(batch)
    let shape = BatchShape(
      sequenceCount: whole.sequenceCount, sequenceLength: whole.sequenceLength)
    let outputs = try run(
      .scores(shape), values + [upload(rows: whole.inputs), upload(rows: whole.targets)])
    let (scores, greedy) = (try outputs[0].floats(), try outputs[1].elements(zero: UInt8(0)))
    let rows = batch.inputs.indices.map { row in
      row / batch.sequenceLength * whole.sequenceLength + row % batch.sequenceLength
    }
    return (rows.map { scores[$0] }, rows.map { greedy[$0] })
  }

  /// Sum of log probabilities' negatives over the targets that count.
  func loss(of batch: TokenBatch) throws -> LossSum {
    let total = try scores(batch).logProbabilities.reduce(0.0) { $0 - Double($1) }
    return LossSum(total: total, targetCount: batch.targetCount)
  }
}
