// SPDX-License-Identifier: Apache-2.0
import Tensors

extension TensorRows {
  /// The same rows with every element rounded to a type of 16 bits, to nearest, ties to even; rows as
  /// they are for other types and for nil.
  func rounded(to type: DType?) -> TensorRows {
    guard let type, type.isHalfPrecision else { return self }
    return TensorRows(count: count, length: length) { [read, length] row, scratch in
      let elements = read(row, scratch)
      let target = UnsafeMutableBufferPointer(rebasing: scratch[..<length])
      withUnsafeTemporaryAllocation(byteCount: length * type.byteWidth, alignment: 16) { bytes in
        guard let base = bytes.baseAddress else { return }
        Scalar.encode(UnsafeBufferPointer(rebasing: elements[..<length]), as: type, into: base)
        Scalar.decode(base, type, into: target)
      }
      return Row(target)
    }
  }
}
