// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A tensor to be written: everything but its bytes.
public struct TensorSpec: Sendable, Hashable {
  /// The tensor's name, unique in its file.
  public var name: String
  /// The type of the elements.
  public var dtype: DType
  /// The extents.
  public var shape: Shape

  /// Makes a description.
  public init(_ name: String, dtype: DType = .float32, shape: Shape) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
  }

  /// Bytes of all elements, or nil where that is more than an `Int` holds.
  public var byteCount: Int? {
    let (count, overflow) = shape.elementCount.multipliedReportingOverflow(by: dtype.byteWidth)
    return overflow ? nil : count
  }
}

/// A tensor in a file: what the header says of it.
public struct TensorEntry: Sendable, Hashable {
  /// The tensor's name.
  public let name: String
  /// The element type as the file names it; see ``dtype``.
  public let dtypeName: String
  /// The extents.
  public let shape: Shape
  /// Where the bytes are, counted from the end of the header.
  public let dataOffsets: Range<Int>

  /// The type of the elements, or nil for one that can be listed but not loaded.
  public var dtype: DType? { DType(safetensorsName: dtypeName) }
  /// Bytes of all elements.
  public var byteCount: Int { dataOffsets.count }
}
