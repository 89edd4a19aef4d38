// SPDX-License-Identifier: Apache-2.0
import Architectures
import LinearAlgebra
import Training

/// What lowering has to know of a program before it emits anything: who reads what, in which type
/// each value is kept, and which neighbours become one kernel.
struct ProgramAnalysis {
  /// How an operation is lowered together with its neighbours.
  enum Fusion: Hashable {
    /// This operation's kernel covers the following one as well.
    case withNext
    /// Covered by the one before.
    case coveredByPrevious
    /// First of a run of linear maps of one input that are one product.
    case firstOfLinears(count: Int)
    /// Covered by the first of such a run.
    case coveredByFirstOfLinears
  }

  let operations: [Program.Operation]
  /// Operations that read each value.
  let consumers: [[Int]]
  /// The operation that writes each value.
  let producers: [Int]
  /// The type in which each value is kept.
  let types: [ElementType]
  /// The type of each value's gradient.
  let gradientTypes: [ElementType]
  /// Fusions by operation.
  let fusions: [Int: Fusion]
  /// Values that are read in disjoint slices only, and whether these cover them: each slice can be a view.
  let partitions: [Program.Value: Bool]

  init(_ program: Program, precision: Precision, store: ParameterStore) {
    operations = program.operations
    var consumers = [[Int]](repeating: [], count: program.widths.count)
    var producers = [Int](repeating: 0, count: program.widths.count)
    for (index, operation) in operations.enumerated() {
      for input in Set(operation.inputs) { consumers[input].append(index) }
      if let output = operation.output { producers[output] = index }
    }
    self.consumers = consumers
    self.producers = producers
    types = Self.types(operations, consumers, precision)
    gradientTypes = Self.gradientTypes(operations, types)
    fusions = Self.fusions(operations, consumers, store)
    partitions = Self.partitions(program, consumers)
  }

  /// Whether the operation is the only reader of the value.
  func isOnlyConsumer(_ operation: Int, of value: Program.Value) -> Bool {
    consumers[value] == [operation]
  }

  /// The residual stream and what is added to it stay float32; operands of products are bfloat16
  /// in that mode.
  private static func types(
    _ operations: [Program.Operation], _ consumers: [[Int]], _ precision: Precision
  ) -> [ElementType] {
    var types = [ElementType](repeating: .float32, count: consumers.count)
    guard precision == .bf16 else { return types }
    for value in consumers.indices.reversed() {
      let needsFloat32 = consumers[value].contains { consumer in
        switch operations[consumer] {
        case .add, .norm, .positionEmbedding, .scale, .mixture: true
        case .dropout(_, _, _, let output), .columns(_, let output), .regroup(_, _, _, let output):
          types[output] == .float32
        default: false
        }
      }
      types[value] = needsFloat32 ? .float32 : .bfloat16
    }
    for operation in operations {
      switch operation {
      case .embedding(_, let output), .positionEmbedding(_, _, let output), .add(_, _, let output),
        .scale(_, _, let output):
        types[output] = .float32
      case .mixture(let mixture): types[mixture.output] = .float32
      case .columns(let slice, let output): types[output] = types[slice.value]
      case .regroup(let input, _, _, let output), .headNorm(_, _, let input, _, _, let output):
        types[output] = types[input]
      default: break
      }
    }
    return types
  }

  /// A norm takes its gradient in float32, as it accumulates into the residual stream's.
  private static func gradientTypes(
    _ operations: [Program.Operation], _ types: [ElementType]
  ) -> [ElementType] {
    var gradientTypes = types
    for operation in operations {
      switch operation {
      case .norm(_, _, _, _, _, let output): gradientTypes[output] = .float32
      case .columns(let slice, let output): gradientTypes[output] = gradientTypes[slice.value]
      default: break
      }
    }
    return gradientTypes
  }

  private static func partitions(
    _ program: Program, _ consumers: [[Int]]
  ) -> [Program.Value: Bool] {
    var partitions: [Program.Value: Bool] = [:]
    for (value, readers) in consumers.enumerated() where !readers.isEmpty {
      let read = readers.map { slices(of: value, in: program.operations[$0]) }
      guard read.allSatisfy({ !$0.isEmpty }) else { continue }
      var end = 0
      var covers = true
      let sorted = read.joined().sorted { $0.offset < $1.offset }
      let areDisjoint = sorted.allSatisfy { slice in
        defer { end = slice.offset + slice.width }
        if slice.offset > end { covers = false }
        return slice.offset >= end
      }
      if areDisjoint { partitions[value] = covers && end == program.widths[value] }
    }
    return partitions
  }

  /// The columns of a value that an operation reads; none where it reads all.
  private static func slices(
    of value: Program.Value, in operation: Program.Operation
  ) -> [Program.Slice] {
    switch operation {
    case .columns(let slice, _): [slice]
    case .attention(let attention):
      [attention.query, attention.key, attention.value].filter { $0.value == value }
    default: []
    }
  }

  private static func fusions(
    _ operations: [Program.Operation], _ consumers: [[Int]], _ store: ParameterStore
  ) -> [Int: Fusion] {
    var fusions: [Int: Fusion] = [:]
    var index = 0
    while index + 1 < operations.count {
      let linears = adjacentLinears(operations, from: index, store)
      if linears > 1 {
        fusions[index] = .firstOfLinears(count: linears)
        for later in index + 1..<index + linears { fusions[later] = .coveredByFirstOfLinears }
        index += linears
      } else if areOneKernel(operations[index], operations[index + 1], consumers) {
        fusions[index] = .withNext
        fusions[index + 1] = .coveredByPrevious
        index += 2
      } else {
        index += 1
      }
    }
    return fusions
  }

  private static func areOneKernel(
    _ first: Program.Operation, _ second: Program.Operation, _ consumers: [[Int]]
  ) -> Bool {
    switch (first, second) {
    case (.embedding(_, let output), .positionEmbedding(_, let input, _)):
      output == input && consumers[output].count == 1
    case (.add(_, _, let output), .norm(_, _, let input, _, _, _)):
      output == input
    case (.activation(_, _, let output), .multiply(let left, let right, _)):
      output == left && left != right && consumers[output].count == 1
    default: false
    }
  }

  /// How many operations from `start` on are linear maps of one input without bias whose weights
  /// lie in memory as one.
  private static func adjacentLinears(
    _ operations: [Program.Operation], from start: Int, _ store: ParameterStore
  ) -> Int {
    guard case .linear(let input, var last, .outputInput, nil, _) = operations[start] else {
      return 1
    }
    var end = start + 1
    while end < operations.count,
      case .linear(input, let weight, .outputInput, nil, _) = operations[end],
      store.areAdjacent(last, weight)
    {
      last = weight
      end += 1
    }
    return end - start
  }
}
