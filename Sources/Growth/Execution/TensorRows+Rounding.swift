// SPDX-License-Identifier: Apache-2.0
import Tensors

extension TensorRows {
  /// The same rows with every element rounded to a type of 16 bits, to nearest, ties to even; rows as
  /// they are for other types and for nil.
  func rounded(to type: DType?) -> TensorRows {
    guard let type, let round = type.rounding else { return self }
    return TensorRows(count: count, length: length) { [read, length] row, scratch in
      let elements = read(row, scratch)
      for index in 0..<length { scratch[index] = Scalar(round(Float(elements[index]))) }
      return Row(rebasing: scratch[..<length])
    }
  }
}

extension DType {
  /// Whether ``TensorRows/rounded(to:)`` changes values for this type.
  var isHalfPrecision: Bool { rounding != nil }

  /// The nearest number of this type; nil for types that are not of 16 bits.
  fileprivate var rounding: ((Float) -> Float)? {
    switch self {
    case .bfloat16: { Float(BFloat16($0)) }
    case .float16: { Float16Bits.float(Float16Bits.bits($0)) }
    default: nil
    }
  }
}
