// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

extension DType {
  /// Whether all of some elements are finite, at the speed of memory; true for types of no real numbers.
  func areFinite(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let base = bytes.baseAddress else { return true }
    let count = bytes.count / byteWidth
    return switch self {
    case .float64: ck_are_finite_64(base, count, 0x7FF0_0000_0000_0000) != 0
    case .float32: ck_are_finite_32(base, count, 0x7F80_0000) != 0
    case .float16: ck_are_finite_16(base, count, 0x7C00) != 0
    case .bfloat16: ck_are_finite_16(base, count, 0x7F80) != 0
    default: true
    }
  }
}

/// How many of a tensor's numbers are infinite or no numbers, and the first row that holds one.
struct UnsoundNumbers: Equatable {
  /// Numbers that are none.
  private(set) var nanCount = 0
  /// Numbers that are infinite.
  private(set) var infiniteCount = 0
  /// The first row with such a number, counted along all axes but the last.
  private(set) var firstRow = 0

  /// Looks through all rows; nil where every number is finite.
  init?<Scalar>(in rows: TensorRows<Scalar>) {
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: rows.length) { scratch in
      scratch.initialize(repeating: 0)
      for row in 0..<rows.count { add(rows.read(row, scratch), row) }
    }
    guard nanCount + infiniteCount > 0 else { return nil }
  }

  private mutating func add<Scalar: GrowthScalar>(
    _ elements: UnsafeBufferPointer<Scalar>, _ row: Int
  ) {
    for element in elements where !element.isFinite {
      if nanCount + infiniteCount == 0 { firstRow = row }
      if element.isNaN { nanCount += 1 } else { infiniteCount += 1 }
    }
  }
}

extension GrowthError {
  /// The small model holds what is no number: copies would spread it, and no promise would hold.
  static func unsound(_ numbers: UnsoundNumbers, of count: Int, in tensor: String) -> GrowthError {
    let counts = [(numbers.nanCount, "NaN"), (numbers.infiniteCount, "infinite")]
      .filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: " and ")
    return GrowthError(
      .notFinite,
      "of \(count) numbers \(counts), the first in row \(numbers.firstRow); copies would spread them "
        + "and the grown model would compute nothing. Take an earlier checkpoint, or mend the tensor",
      subject: tensor)
  }

  /// What the growth makes of finite numbers does not fit the type that is written.
  ///
  /// - Parameter values: the row before it is rounded to the type; nil where they are not known.
  static func overflow(
    row: Int, _ values: [Double]?, as type: DType, in tensor: String
  ) -> GrowthError {
    let largest = type.format?.greatestFiniteMagnitude ?? 0
    let worst = values?.max { $0.magnitude < $1.magnitude }
    let what = worst.flatMap { $0.isFinite ? "would hold \($0)" : nil } ?? "would hold infinities"
    return GrowthError(
      .notFinite,
      "row \(row) \(what), and the largest number of \(type.rawValue) is \(largest); choose a type with "
        + "a wider range, or smaller factors", subject: tensor)
  }
}
