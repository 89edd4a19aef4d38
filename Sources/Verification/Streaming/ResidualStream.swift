// SPDX-License-Identifier: Apache-2.0
import Architectures

/// Where a program's residual stream is complete: before the first block, after each block's attention
/// and after its feed-forward.
struct ResidualStream {
  /// A value of the stream, and the operation after which it is there.
  struct Point: Hashable {
    var operation: Int
    var value: Program.Value
  }
  /// One block's two additions to the stream.
  struct Block: Hashable {
    var attention: Point
    var feedForward: Point
  }

  /// The stream before the first block.
  let start: Point
  /// The blocks in order.
  let blocks: [Block]

  /// The stream of a program; nil where additions are not two to a block, one after the other.
  init?(_ program: Program) {
    let operations = program.operations
    var additions: [Point] = []
    var first: Program.Value?
    for (index, operation) in operations.enumerated() {
      guard case .add(let left, _, let output) = operation else { continue }
      if first == nil { first = left }
      // Whatever else is added up is no part of the stream.
      if left == (additions.last?.value ?? first) {
        additions.append(Point(operation: index, value: output))
      }
    }
    // A model without blocks: what the last norm reads.
    if first == nil, case .head(let input, _, _) = operations.last,
      let norm = operations.first(where: { $0.output == input })
    {
      first = norm.inputs.first
    }
    guard let first, additions.count == 2 * program.layerCount,
      let writer = operations.firstIndex(where: { $0.output == first })
    else { return nil }
    start = Point(operation: writer, value: first)
    blocks = stride(from: 0, to: additions.count, by: 2).map {
      Block(attention: additions[$0], feedForward: additions[$0 + 1])
    }
  }

  /// The stream after so many blocks.
  func point(after count: Int) -> Point { count == 0 ? start : blocks[count - 1].feedForward }
}
