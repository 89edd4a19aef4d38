// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra

// Whole rows, moved and added: what several operations need around their own kernels.

extension Lowering {
  /// A matrix whose rows follow each other: itself, or a copy.
  mutating func contiguous(_ matrix: Matrix) -> Matrix {
    guard !matrix.isContiguous else { return matrix }
    let copy = makeMatrix(matrix.columns, matrix.type)
    emitRowCopy(matrix, copy)
    return copy
  }

  /// Copies all rows.
  mutating func emitRowCopy(_ source: Matrix, _ target: Matrix) {
    precondition(source.type == target.type && source.columns == target.columns, "a copy of rows")
    let (team, rows, width) = (team, rowCount, source.type.byteWidth)
    let rowBytes = source.columns * width
    let areWhole = source.isContiguous && target.isContiguous
    emit("copy", uses: [source, target]) { run in
      let (from, to) = (run.pointer(source), run.pointer(target))
      team.split(rows) { range, _ in
        guard !areWhole else {
          return (to + range.lowerBound * rowBytes).copyMemory(
            from: from + range.lowerBound * rowBytes, byteCount: range.count * rowBytes)
        }
        for row in range {
          (to + row * target.stride * width).copyMemory(
            from: from + row * source.stride * width, byteCount: rowBytes)
        }
      }
    }
  }

  /// target += source, row by row.
  mutating func emitAddRows(_ source: Matrix, to target: Matrix) {
    precondition(source.type == target.type && source.columns == target.columns, "a sum of rows")
    let (team, rows) = (team, rowCount)
    emit("add", uses: [source, target]) { run in
      team.split(rows) { range, _ in
        if target.type == .float32 {
          ck_add_rows_f32(
            run.floats(source), source.stride, run.floats(target), target.stride, target.columns,
            range.lowerBound, range.upperBound)
        } else {
          ck_add_rows_bf16(
            run.halves(source), source.stride, run.halves(target), target.stride, target.columns,
            range.lowerBound, range.upperBound)
        }
      }
    }
  }

  /// Zeroes a matrix in a buffer of its own.
  mutating func emitZeros(_ matrix: Matrix) {
    let (team, rows, rowBytes) = (team, rowCount, matrix.stride * matrix.type.byteWidth)
    emit("zero", uses: [matrix]) { run in
      team.split(rows) { range, _ in
        (run.pointer(matrix) + range.lowerBound * rowBytes).initializeMemory(
          as: UInt8.self, repeating: 0, count: range.count * rowBytes)
      }
    }
  }

  /// Has `write` put a contribution to a value's gradient where it belongs: there, or, where others
  /// have contributed before, into room of its own, which is added then.
  mutating func contribute(
    to value: Program.Value, _ write: (inout Lowering, Matrix) -> Void
  ) {
    let (target, accumulates) = contribution(to: value)
    guard accumulates else { return write(&self, target) }
    let own = makeMatrix(target.columns, target.type)
    write(&self, own)
    emitAddRows(own, to: target)
  }

  /// Hands a value's gradient on as it is; the two share the memory until one of them is added to.
  mutating func handOn(_ whole: Matrix, to value: Program.Value) {
    guard gradients[value] != nil else {
      gradients[value] = whole
      return
    }
    let (target, _) = contribution(to: value)
    emitAddRows(whole, to: target)
  }
}
