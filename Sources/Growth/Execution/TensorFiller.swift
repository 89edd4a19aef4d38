// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Makes the bytes of a tensor, whole rows at a time, for one thread.
protocol TensorFiller {
  /// Fills the bytes of a range of the tensor's.
  func fill(_ range: Range<Int>, of bytes: UnsafeMutableRawBufferPointer) throws
  /// A row before it is rounded to the file's type, for messages; nil where nothing is computed.
  func numbers(ofRow row: Int) -> [Double]?
}

extension TensorFiller {
  func numbers(ofRow row: Int) -> [Double]? { nil }
}

/// A tensor that comes out as it went in, whatever its type.
struct CopyingFiller: TensorFiller {
  let source: any SourceTensor

  func fill(_ range: Range<Int>, of bytes: UnsafeMutableRawBufferPointer) throws {
    try source.copy(range, into: bytes)
  }
}

/// A tensor whose rows are computed, and rounded once.
struct GrowingFiller<Scalar: GrowthScalar>: TensorFiller {
  private let rows: TensorRows<Scalar>
  private let source: (any SourceTensor)?
  private let type: DType
  private let rounding: StochasticRounding?
  private let scratch: ScratchRow<Scalar>

  /// - Parameters:
  ///   - source: the tensor that it begins with; nil where all entries are new.
  ///   - growers: of each step, in order.
  ///   - rounding: nil to round to nearest.
  init(
    from source: (any SourceTensor)?, _ growers: [TensorGrower<Scalar>], as type: DType,
    rounding: StochasticRounding?
  ) {
    var rows: TensorRows<Scalar>? = source?.sequential()
    for grower in growers { rows = TensorRows(sequential: grower, from: rows) }
    // Without a source and a step there would be nothing to write.
    self.rows = rows ?? TensorRows(count: 0, length: 0) { _, row in UnsafeBufferPointer(row) }
    self.source = source
    self.type = type
    // A type of as many digits takes every number as it is.
    self.rounding = type.byteWidth < MemoryLayout<Scalar>.size ? rounding : nil
    scratch = ScratchRow(length: self.rows.length)
  }

  func fill(_ range: Range<Int>, of bytes: UnsafeMutableRawBufferPointer) throws {
    let rowByteCount = rows.length * type.byteWidth
    let isOwnType = type.byteWidth == MemoryLayout<Scalar>.size
    for start in stride(from: 0, to: bytes.count, by: max(1, rowByteCount)) {
      let row = (range.lowerBound + start) / rowByteCount
      let target = UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + rowByteCount])
      guard let base = target.baseAddress else { continue }
      // Rows of the type itself are made where they belong.
      let room = isOwnType ? target.assumingMemoryBound(to: Scalar.self) : scratch.elements
      let elements = rows.read(row, room)
      if elements.baseAddress.map({ UnsafeRawPointer($0) }) == UnsafeRawPointer(base) { continue }
      if let rounding {
        rounding.encode(elements, first: row * rows.length, as: type, into: base)
      } else {
        Scalar.encode(elements, as: type, into: base)
      }
    }
    try source?.check()
  }

  func numbers(ofRow row: Int) -> [Double]? {
    rows.read(row, scratch.elements).map { Double($0) }
  }
}
