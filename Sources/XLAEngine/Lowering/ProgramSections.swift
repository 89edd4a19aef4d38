// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors

extension Program {
  /// Operations in a row, between two moments at which one value is all that later ones read.
  struct Section {
    /// Which operations.
    var operations: Range<Int>
    /// The one value that they read; nil where they read none, or several.
    var input: Value?
    /// What they write that later ones read.
    var output: Value
  }

  /// The operations in sections that end with an addition to the residual stream, which is all that is there
  /// then: half a block each where norms go before branches.
  var sections: [Section] {
    var lastReader = [Value: Int]()
    for (index, operation) in operations.enumerated() {
      for value in operation.inputs { lastReader[value] = index }
    }
    var (sections, start, input): ([Section], Int, Value?) = ([], 0, nil)
    var alive = Set<Value>()
    for (index, operation) in operations.enumerated() {
      alive = alive.filter { lastReader[$0, default: -1] > index }
      guard let output = operation.output else { continue }
      alive.insert(output)
      let isSum = if case .add = operation { true } else { false }
      // Before the first addition, the embedding is as much a beginning.
      guard isSum || input == nil, alive == [output] else { continue }
      sections.append(Section(operations: start..<index + 1, input: input, output: output))
      (start, input) = (index + 1, output)
    }
    // What is behind the last addition is not worth it.
    if start < operations.count {
      sections.append(
        Section(operations: start..<operations.count, input: nil, output: input ?? 0))
    }
    return sections
  }

  /// Bytes of what operations write and the way back reads, and of attention's weights, as an estimate.
  func valueBytes(
    _ rowCount: Int, _ sequenceLength: Int, _ options: LoweringOptions
  ) -> [Int] {
    func bytes(_ operation: Operation) -> [Int] {
      var all = operation.output.map { [MachineMemory.bytes([rowCount, widths[$0], 4])] } ?? []
      if case .attention(let attention) = operation {
        let blocks = options.attention
        let keys = sequenceLength > blocks.longestWhole ? blocks.size : sequenceLength
        all.append(MachineMemory.bytes([rowCount, keys, attention.headCount, 4]))
      }
      return all
    }
    guard options.recomputes else { return operations.flatMap(bytes) }
    let kept = sections.compactMap(\.input).map { MachineMemory.bytes([rowCount, widths[$0], 4]) }
    let largest = sections.map { section in
      operations[section.operations].flatMap(bytes).reduce(0) { MachineMemory.bytes([$0], [$1]) }
    }.max()
    return kept + [largest ?? 0]
  }
}
