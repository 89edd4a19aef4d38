// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra
import Tensors
import Training

/// Turns a program into instructions for one batch shape: forward, and for training backward.
///
/// Each operation's two directions stand side by side in a file of their own (`Lowering+….swift`);
/// this one holds what they share: buffers, gradients and who may overwrite them.
///
/// Legend: R rows = sequences × length, D width of the residual stream.
struct Lowering {
  /// What the compiled program is for.
  enum Purpose: Hashable {
    /// Loss and gradients, with dropout.
    case training
    /// The log probability of each target.
    case scoring
    /// All logits.
    case logits
    /// The logits after the last row of one sequence, whose earlier positions are cached.
    case decoding
  }

  /// One kernel or product over the whole batch.
  struct Instruction {
    /// The kind of work, for profiles.
    var label: String
    /// What it has to do.
    var work: Profiler.Work
    var run: (Execution) throws -> Void
  }

  let program: Program
  let analysis: ProgramAnalysis
  let purpose: Purpose
  let sequenceCount: Int
  let sequenceLength: Int
  /// Positions that a sequence may reach: more than its length where earlier ones are cached.
  let positionCount: Int
  /// The type of products' operands.
  let operandType: ElementType
  let store: ParameterStore
  let library: any MatrixLibrary
  let team: ThreadTeam

  var instructions: [Instruction] = []
  var plan = BufferPlan()
  /// Where each value is.
  var values: [Program.Value: Matrix] = [:]
  /// Products' view of values that are kept in float32.
  var operands: [Program.Value: Matrix] = [:]
  /// Where each value's gradient is.
  var gradients = GradientPlaces()
  /// Values whose gradient has a place, that of one product with others, to which nothing is contributed yet.
  var reservedGradients: Set<Program.Value> = []
  /// Products' view of gradients that are kept in float32.
  var gradientOperands: [Program.Value: Matrix] = [:]
  /// Parameters whose gradient an instruction has written already.
  var touchedParameters: Set<Program.Parameter> = []
  /// Biases whose gradient a fused kernel has taken care of.
  var finishedBiases: Set<Program.Parameter> = []
  /// Statistics and other things that a forward keeps for its backward, by operation.
  var kept: [Int: [Matrix]] = [:]
  /// Linear maps that are one product: the value of each → the values of all, in order.
  var linearGroups: [Program.Value: [Program.Value]] = [:]
  /// Values that lie where another does, turned in place → that other.
  var turnedInPlace: [Program.Value: Program.Value] = [:]
  /// Values that are a view of another's columns.
  var views: [Program.Value: Program.Slice] = [:]
  /// Cosines and sines by embedding and head size.
  var rotaryTables: [RotaryTable.Key: RotaryTable] = [:]
  /// Per-row losses or log probabilities, and whether each target is the greedy one.
  var results: (values: Matrix, greedy: Matrix)?

  var rowCount: Int { sequenceCount * sequenceLength }
  var operations: [Program.Operation] { program.operations }

  init(
    _ program: Program, purpose: Purpose, sequenceCount: Int, sequenceLength: Int,
    positionCount: Int, precision: Precision, store: ParameterStore, library: any MatrixLibrary,
    team: ThreadTeam
  ) {
    self.program = program
    self.purpose = purpose
    self.sequenceCount = sequenceCount
    self.sequenceLength = sequenceLength
    self.positionCount = positionCount
    self.store = store
    self.library = library
    self.team = team
    operandType = precision == .bf16 ? .bfloat16 : .float32
    analysis = ProgramAnalysis(program, precision: precision, store: store)
  }

  /// Emits everything.
  ///
  /// - Throws: ``CPUEngineError`` for a batch whose values no memory holds.
  mutating func lower() throws {
    try checkExtents()
    for index in operations.indices { try lowerForward(index) }
    if purpose == .training {
      gradients.begin(program.widths.indices)
      for index in operations.indices.reversed() {
        try lowerBackward(index)
        if let output = operations[index].output { gradients.finish(output) }
      }
    }
    // The caller reads the results after the last instruction.
    if let results {
      plan.use(results.values.buffer, at: instructions.count)
      plan.use(results.greedy.buffer, at: instructions.count)
    }
  }

  /// Sizes of buffers and their sums stay within `Int` from here on.
  private func checkExtents() throws {
    let widest = max(program.widths.max() ?? 1, program.vocabularySize)
    guard MachineMemory.bytes([sequenceCount, sequenceLength, widest]) < 1 << 44 else {
      throw CPUEngineError(
        .invalidBatch,
        "\(sequenceCount) sequences of \(sequenceLength) tokens in values \(widest) wide are more "
          + "than any memory holds; use fewer or shorter sequences", subject: "batch")
    }
  }

  private mutating func lowerForward(_ index: Int) throws {
    switch operations[index] {
    case .embedding: embeddingForward(index)
    case .positionEmbedding: positionForward(index)
    case .norm, .add: try normForward(index)
    case .linear: try linearForward(index)
    case .scale: scaleForward(index)
    case .headNorm: headNormForward(index)
    case .columns: columnsForward(index)
    case .regroup: regroupForward(index)
    case .rotary: rotaryForward(index)
    case .attention(let attention): try attentionForward(index, attention)
    case .activation, .multiply: activationForward(index)
    case .dropout: dropoutForward(index)
    case .mixture(let mixture): try mixtureForward(index, mixture)
    case .head: try headForward(index)
    }
  }

  private mutating func lowerBackward(_ index: Int) throws {
    switch operations[index] {
    case .embedding, .positionEmbedding: embeddingBackward(index)
    case .norm: normBackward(index)
    case .add: addBackward(index)
    case .linear: try linearBackward(index)
    case .scale: scaleBackward(index)
    case .headNorm: headNormBackward(index)
    case .columns: columnsBackward(index)
    case .regroup: regroupBackward(index)
    case .rotary: rotaryBackward(index)
    case .attention(let attention): attentionBackward(index, attention)
    case .activation, .multiply: activationBackward(index)
    case .dropout: dropoutBackward(index)
    case .mixture(let mixture): try mixtureBackward(index, mixture)
    case .head: break  // its forward computes its gradients
    }
  }

  // MARK: Emitting

  /// Adds an instruction and notes which buffers it uses.
  ///
  /// - Parameter work: what it has to do; nil where that is to read or write what it uses.
  mutating func emit(
    _ label: String, uses matrices: [Matrix?], work: Profiler.Work? = nil,
    _ run: @escaping (Execution) throws -> Void
  ) {
    for case let matrix? in matrices { plan.use(matrix.buffer, at: instructions.count) }
    instructions.append(
      Instruction(label: label, work: work ?? Profiler.Work(bytes: bytes(of: matrices)), run: run))
  }

  /// Bytes of some matrices, each counted once.
  func bytes(of matrices: [Matrix?]) -> Double {
    matrices.reduce(0) { sum, matrix in
      guard let matrix else { return sum }
      let share = Double(matrix.columns) / Double(matrix.stride)
      return sum + Double(plan.byteCount(of: matrix.buffer)) * share
    }
  }

  /// A matrix in a buffer of its own, one row per token unless told.
  mutating func makeMatrix(_ columns: Int, _ type: ElementType, rows: Int? = nil) -> Matrix {
    let buffer = plan.makeBuffer(byteCount: (rows ?? rowCount) * columns * type.byteWidth)
    return Matrix(buffer: buffer, stride: columns, columns: columns, type: type)
  }

  /// Where a value will be written.
  mutating func makeValue(_ value: Program.Value) -> Matrix {
    let matrix = makeMatrix(program.widths[value], analysis.types[value])
    values[value] = matrix
    return matrix
  }

  /// Where a value is.
  func value(_ value: Program.Value) -> Matrix {
    guard let matrix = values[value] else {
      preconditionFailure("value \(value) is read before it is written")
    }
    return matrix
  }

  /// A value as products read it, cast where it is kept in float32.
  mutating func operand(_ value: Program.Value) -> Matrix {
    let matrix = self.value(value)
    if matrix.type == operandType { return matrix }
    if let known = operands[value] { return known }
    let copy = castToOperand(matrix)
    operands[value] = copy
    return copy
  }

  private mutating func castToOperand(_ matrix: Matrix) -> Matrix {
    let matrix = contiguous(matrix)
    let copy = makeMatrix(matrix.columns, .bfloat16)
    let (team, count) = (team, rowCount * matrix.columns)
    emit("cast", uses: [matrix, copy]) { run in
      let (source, target) = (run.floats(matrix), run.halves(copy))
      team.split(count) { range, _ in
        ck_cast_f32_bf16(source + range.lowerBound, target + range.lowerBound, range.count)
      }
    }
    return copy
  }

  // MARK: Gradients

  /// A gradient as products read it, cast where it is kept in float32.
  mutating func gradientOperand(_ value: Program.Value) -> Matrix {
    let matrix = gradient(value)
    if matrix.type == operandType { return matrix }
    if let known = gradientOperands[value] { return known }
    let copy = castToOperand(matrix)
    gradientOperands[value] = copy
    return copy
  }

  /// A value's gradient, which all its readers have contributed to.
  func gradient(_ value: Program.Value) -> Matrix {
    guard let matrix = gradients[value] else {
      preconditionFailure("value \(value) has no gradient; nothing reads it")
    }
    return matrix
  }

  /// Where a contribution to a value's gradient goes, and whether it is added to what is there.
  mutating func contribution(to value: Program.Value) -> (matrix: Matrix, accumulates: Bool) {
    guard let known = gradients[value] else {
      let made = makeGradient(value)
      return (made, false)
    }
    guard reservedGradients.remove(value) == nil else { return (known, false) }
    guard isShared(known, besides: value) else { return (known, true) }
    // Another value's gradient still waits in the same buffer: part from it first.
    let own = makeMatrix(known.columns, known.type)
    emitRowCopy(known, own)
    gradients[value] = own
    return (own, true)
  }

  /// Whether the gradient of another value that is still to be used lies in the same buffer.
  func isShared(_ matrix: Matrix, besides value: Program.Value) -> Bool {
    gradients.pending(in: matrix.buffer).contains { other in
      other != value && linearGroups[value]?.contains(other) != true && root(other) != root(value)
    }
  }

  /// The value that has the memory in which a value's columns, or its turned rows, lie.
  private func root(_ value: Program.Value) -> Program.Value {
    var root = value
    while let next = turnedInPlace[root] ?? views[root]?.value { root = next }
    return root
  }

  /// A new gradient for a value; values of one product share a buffer, as they do forward.
  mutating func makeGradient(_ value: Program.Value) -> Matrix {
    if let root = turnedInPlace[value] {
      let matrix = gradients[root] ?? makeGradient(root)
      gradients[value] = matrix
      return matrix
    }
    if let view = views[value] {
      let whole = gradients[view.value] ?? makeGradient(view.value)
      let matrix = whole.slice(view.offset, view.width)
      gradients[value] = matrix
      return matrix
    }
    let type = analysis.gradientTypes[value]
    guard let group = linearGroups[value] else {
      let matrix = makeMatrix(program.widths[value], type)
      gradients[value] = matrix
      if analysis.partitions[value] == false { emitZeros(matrix) }
      return matrix
    }
    let whole = makeMatrix(group.reduce(0) { $0 + program.widths[$1] }, type)
    var offset = 0
    for member in group {
      gradients[member] = whole.slice(offset, program.widths[member])
      offset += program.widths[member]
      reservedGradients.insert(member)
    }
    reservedGradients.remove(value)
    return gradients[value] ?? whole
  }

  /// Notes that an instruction writes a parameter's gradient; false the first time in a backward,
  /// when it overwrites whatever an earlier step left there.
  mutating func touch(_ parameter: Program.Parameter) -> Bool {
    !touchedParameters.insert(parameter).inserted
  }

  /// Zeroes a parameter's gradient before the first kernel that can only add to it.
  mutating func prepareToAdd(to parameter: Program.Parameter) {
    guard !touch(parameter) else { return }
    let (store, team) = (store, team)
    emit("zero", uses: []) { run in
      guard !run.accumulates else { return }
      let target = store.gradient(parameter)
      team.split(store.counts[parameter]) { range, _ in
        (target + range.lowerBound).update(repeating: 0, count: range.count)
      }
    }
  }

  /// Room for each thread's share of some column sums: `[threads, columns]`.
  mutating func makePartials(_ columns: Int) -> Matrix {
    makeMatrix(columns, .float32, rows: team.count)
  }

  /// Adds the threads' shares to a parameter's gradient, in the threads' order.
  mutating func emitReduction(
    _ partials: Matrix, offset: Int, columns: Int, into parameter: Program.Parameter
  ) {
    let (store, threads) = (store, team.count)
    let overwrites = !touch(parameter)
    emit("reduce", uses: [partials]) { run in
      let target = store.gradient(parameter)
      let source = run.floats(partials) + offset
      let starts = overwrites && !run.accumulates
      for column in 0..<columns {
        var sum: Float = starts ? 0 : target[column]
        for thread in 0..<threads { sum += source[thread * partials.stride + column] }
        target[column] = sum
      }
    }
  }
}
