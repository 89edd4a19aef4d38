// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A tensor that owns its bytes: row-major, contiguous, 64-byte aligned, a value (copied on write).
public struct HostTensor: Sendable {
  /// The type of the elements.
  public let dtype: DType
  /// The extents.
  public let shape: Shape
  private var storage: Storage

  /// A tensor of zeros.
  public init(zeros shape: Shape, dtype: DType = .float32) {
    self.dtype = dtype
    self.shape = shape
    storage = Storage(zeros: shape.elementCount * dtype.byteWidth)
  }

  /// A tensor whose bytes `fill` writes, every one of them.
  public init(
    shape: Shape, dtype: DType = .float32,
    fill: (UnsafeMutableRawBufferPointer) throws -> Void
  ) rethrows {
    self.dtype = dtype
    self.shape = shape
    storage = Storage(uninitialized: shape.elementCount * dtype.byteWidth)
    try fill(storage.bytes)
  }

  /// A copy of a view's bytes; where they are all of another tensor's, they are copied only when
  /// either of the two is written.
  public init(copying view: TensorView) {
    dtype = view.dtype
    shape = view.shape
    if let shared = view.owner as? Storage, shared.holdsJust(view.bytes) {
      storage = shared
    } else {
      storage = view.withUnsafeBytes { Storage(copying: $0) }
    }
  }

  /// A float32 tensor of these elements, in row-major order.
  public init(_ elements: [Float], shape: Shape) {
    precondition(
      elements.count == shape.elementCount, "\(elements.count) elements for shape \(shape)")
    dtype = .float32
    self.shape = shape
    storage = elements.withUnsafeBytes { Storage(copying: $0) }
  }

  /// Bytes of all elements.
  public var byteCount: Int { storage.bytes.count }

  /// A view of the present bytes; later changes to this value do not reach it.
  public var view: TensorView {
    get throws {
      try TensorView(
        dtype: dtype, shape: shape, bytes: UnsafeRawBufferPointer(storage.bytes), owner: storage)
    }
  }

  /// The elements of a float32 tensor, copied.
  public var floats: [Float] {
    precondition(dtype == .float32, "floats of a \(dtype) tensor")
    return withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
  }

  /// Calls `body` with the bytes.
  public func withUnsafeBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeRawBufferPointer(storage.bytes))
  }

  /// Calls `body` with the bytes to change; they are this value's alone.
  public mutating func withUnsafeMutableBytes<Result>(
    _ body: (UnsafeMutableRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    if !isKnownUniquelyReferenced(&storage) {
      storage = Storage(copying: UnsafeRawBufferPointer(storage.bytes))
    }
    defer { withExtendedLifetime(storage) {} }
    return try body(storage.bytes)
  }
}

/// The bytes behind a ``HostTensor``; written only while uniquely referenced.
private final class Storage: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer

  init(uninitialized byteCount: Int) { bytes = Self.allocated(byteCount) }

  init(zeros byteCount: Int) {
    bytes = Self.allocated(byteCount)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  init(copying source: UnsafeRawBufferPointer) {
    bytes = Self.allocated(source.count)
    bytes.copyMemory(from: source)
  }

  func holdsJust(_ other: UnsafeRawBufferPointer) -> Bool {
    other.count == bytes.count && other.baseAddress == UnsafeRawPointer(bytes.baseAddress)
  }

  /// Fresh memory; large tensors ask for large pages, of which the system hands out 512 at once where
  /// each small one would cost a fault of its own.
  private static func allocated(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    #if os(Linux)
      let page = 1 << 21
      if byteCount >= 2 * page {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: page)
        // Advice only: where it is refused, small pages serve.
        madvise(bytes.baseAddress, byteCount / page * page, Int32(MADV_HUGEPAGE))
        return bytes
      }
    #endif
    return .allocate(byteCount: byteCount, alignment: 64)
  }

  deinit { bytes.deallocate() }
}
