// SPDX-License-Identifier: Apache-2.0
import StableHLO

/// Keys and values of one sequence's earlier positions while a program is written that goes on with it.
///
/// There is a pair for each attention, in the program's order, each [key/value heads, capacity, D].
final class CacheLowering {
  /// Positions that there is room for.
  let capacity: Int
  /// The position of the first row, a scalar of `int32`.
  let position: Tensor
  /// Keys and values as they were before, two for each attention.
  private let before: [Tensor]
  /// The same with the rows of this piece.
  private(set) var after: [Tensor] = []

  init(capacity: Int, position: Tensor, before: [Tensor]) {
    (self.capacity, self.position, self.before) = (capacity, position, before)
  }

  /// All keys and values so far, for the next attention.
  func appending(_ keys: Tensor, _ values: Tensor) -> (Tensor, Tensor) {
    let next = after.count
    after.append(before[next].replacing(keys, at: position, axis: 1))
    after.append(before[next + 1].replacing(values, at: position, axis: 1))
    return (after[next], after[next + 1])
  }

  /// The rows' positions.
  func positions(_ count: Int) -> Tensor {
    let type = TensorType(.int32, [count])
    return position.function.iota(type, axis: 0) + position.broadcast(to: type.extents)
  }
}
