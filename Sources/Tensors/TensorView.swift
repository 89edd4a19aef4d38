// SPDX-License-Identifier: Apache-2.0

/// Borrowed bytes of a tensor: row-major, contiguous, not necessarily aligned.
///
/// A view keeps the owner of its bytes (a ``HostTensor``'s storage, memory that a file was read into) alive and
/// never writes. It is therefore safe to hand to other threads.
public struct TensorView: @unchecked Sendable {
  /// The type of the elements.
  public let dtype: DType
  /// The extents.
  public let shape: Shape
  /// The elements' bytes, `shape.elementCount * dtype.byteWidth` of them.
  ///
  /// Valid while ``owner`` lives, which the compiler may end after its last use;
  /// ``withUnsafeBytes(_:)`` keeps it alive.
  public let bytes: UnsafeRawBufferPointer
  /// Whatever keeps `bytes` valid.
  public let owner: AnyObject

  /// Makes a view of bytes that `owner` keeps valid and unchanged.
  ///
  /// - Throws: ``TensorsError`` of code `byteCountMismatch` where the bytes do not fit the shape.
  public init(
    dtype: DType, shape: Shape, bytes: UnsafeRawBufferPointer, owner: AnyObject
  ) throws {
    let (expected, overflow) = shape.elementCount.multipliedReportingOverflow(by: dtype.byteWidth)
    guard !overflow, bytes.count == expected else {
      throw TensorsError(
        .byteCountMismatch, "\(bytes.count) bytes do not hold \(shape) of \(dtype)",
        subject: "tensor")
    }
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
    self.owner = owner
  }

  /// Calls `body` with the bytes, which stay valid meanwhile.
  public func withUnsafeBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    defer { withExtendedLifetime(owner) {} }
    return try body(bytes)
  }
}
