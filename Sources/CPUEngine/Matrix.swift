// SPDX-License-Identifier: Apache-2.0
import LinearAlgebra
import Training

/// A rectangle of one of a compiled program's buffers: `columns` wide, rows `stride` elements apart.
struct Matrix: Hashable {
  var buffer: BufferPlan.Buffer
  /// Elements before the first one.
  var offset = 0
  var stride: Int
  var columns: Int
  var type: ElementType

  /// Some of the columns.
  func slice(_ offset: Int, _ columns: Int) -> Matrix {
    Matrix(
      buffer: buffer, offset: self.offset + offset, stride: stride, columns: columns, type: type)
  }

  /// Whether rows follow each other without a gap.
  var isContiguous: Bool { stride == columns }

  /// How a product sees this matrix.
  func operand(transposed: Bool = false) -> MatrixProduct.Operand {
    MatrixProduct.Operand(type: type, stride: stride, isTransposed: transposed)
  }
}

extension MatrixProduct {
  /// What it has to do.
  var work: Profiler.Work {
    let sizes = [(rows, depth, a.type), (depth, columns, b.type), (rows, columns, c.type)]
    return Profiler.Work(
      floatingPointOperations: operations,
      bytes: sizes.reduce(0) { $0 + Double($1.0) * Double($1.1) * Double($1.2.byteWidth) })
  }
}
