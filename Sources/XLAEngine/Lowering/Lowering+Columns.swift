// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO

// What moves columns.

extension Lowering {
  func takeColumns(_ slice: Program.Slice, _ output: Program.Value) -> Tensor {
    onBackward(output) { [self] dy in contribute(dy, to: slice) }
    return value(slice)
  }

  /// Groups of parts become all first parts, all second parts, and so on.
  func regroup(
    _ input: Program.Value, _ groupCount: Int, widths: [Int], _ output: Program.Value
  ) -> Tensor {
    let (rows, group) = (rowCount, widths.reduce(0, +))
    let starts = widths.indices.map { widths[..<$0].reduce(0, +) }
    onBackward(output) { [self] dy in
      let parts = zip(starts, widths).map { start, width in
        dy.slice(start * groupCount..<(start + width) * groupCount, axis: 1)
          .reshaped(to: [rows, groupCount, width])
      }
      contribute(
        Tensor.concatenating(parts, axis: 2).reshaped(to: [rows, groupCount * group]), to: input)
    }
    let groups = value(input).reshaped(to: [rows, groupCount, group])
    let parts = zip(starts, widths).map { start, width in
      groups.slice(start..<start + width, axis: 2).reshaped(to: [rows, groupCount * width])
    }
    return Tensor.concatenating(parts, axis: 1)
  }
}
