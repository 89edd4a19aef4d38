// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A tensor to be written: everything but its bytes.
public struct TensorSpec: Sendable, Hashable {
  /// The tensor's name, unique in its file.
  public var name: String
  /// The element type as the file names it.
  public let dtypeName: String
  /// The extents.
  public let shape: Shape
  /// Bytes of all elements, or nil where that is more than an `Int` holds.
  public let byteCount: Int?

  /// Makes a description.
  public init(_ name: String, dtype: DType = .float32, shape: Shape) {
    self.name = name
    dtypeName = dtype.safetensorsName
    self.shape = shape
    let (count, overflow) = shape.elementCount.multipliedReportingOverflow(by: dtype.byteWidth)
    byteCount = overflow ? nil : count
  }

  /// The description of a tensor that goes to another file as it is, whatever its type.
  ///
  /// - Parameter name: its name in the other file.
  public init(copying entry: TensorEntry, as name: String) {
    self.name = name
    dtypeName = entry.dtypeName
    shape = entry.shape
    byteCount = entry.byteCount
  }

  /// The type of the elements, or nil for one that can be copied but not loaded.
  public var dtype: DType? { DType(safetensorsName: dtypeName) }
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
  /// Bytes of a row along the last axis, at least one; one where the type is none that has rows of
  /// whole bytes.
  package var rowByteCount: Int {
    guard let dtype else { return 1 }
    return max(1, shape.extents.last ?? 1) * dtype.byteWidth
  }
}
