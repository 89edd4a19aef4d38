// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra

// Some of a value's columns, and columns in another order.
//
// Columns are a view of the value, and their gradients of its gradient, where all that reads the value are
// disjoint columns: fused matrices cost no copy.

extension Lowering {
  mutating func columnsForward(_ index: Int) {
    guard case .columns(let slice, let output) = operations[index] else { return }
    let source = value(slice.value).slice(slice.offset, slice.width)
    guard analysis.partitions[slice.value] == nil else {
      views[output] = slice
      values[output] = source
      return
    }
    emitRowCopy(source, makeValue(output))
  }

  mutating func columnsBackward(_ index: Int) {
    guard case .columns(let slice, let output) = operations[index] else { return }
    let dy = gradient(output)
    guard views[output] == nil else {
      let whole = gradients[slice.value] ?? makeGradient(slice.value)
      let place = whole.slice(slice.offset, slice.width)
      // What was taken over from another value's gradient lies elsewhere.
      if dy.buffer != place.buffer || dy.offset != place.offset { emitRowCopy(dy, place) }
      return
    }
    let (whole, accumulates) = contribution(to: slice.value)
    if !accumulates { emitZeros(whole) }
    emitAddRows(dy, to: whole.slice(slice.offset, slice.width))
  }

  mutating func regroupForward(_ index: Int) {
    guard case .regroup(let input, _, _, let output) = operations[index] else { return }
    emitRegroup(index, value(input), makeValue(output), inverse: false)
  }

  mutating func regroupBackward(_ index: Int) {
    guard case .regroup(let input, _, _, let output) = operations[index] else { return }
    let dy = gradient(output)
    contribute(to: input) { $0.emitRegroup(index, dy, $1, inverse: true) }
  }

  private mutating func emitRegroup(_ index: Int, _ x: Matrix, _ y: Matrix, inverse: Bool) {
    guard case .regroup(_, let groupCount, let widths, _) = operations[index] else { return }
    precondition(x.type == y.type, "columns keep their type")
    let (team, rows, width) = (team, rowCount, x.type.byteWidth)
    let byteWidths = widths.map { $0 * width }
    emit("columns", uses: [x, y]) { run in
      team.split(rows) { range, _ in
        byteWidths.withUnsafeBufferPointer { widths in
          ck_regroup(
            run.pointer(x), x.stride * width, run.pointer(y), y.stride * width, groupCount,
            widths.baseAddress, widths.count, inverse ? 1 : 0, range.lowerBound, range.upperBound)
        }
      }
    }
  }
}
