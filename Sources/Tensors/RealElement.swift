// SPDX-License-Identifier: Apache-2.0
import CKernels

/// A type that computations use for real numbers, with the conversions between it and the types of
/// tensors: the only ones in the package.
package protocol RealElement: BinaryFloatingPoint, Sendable {
  /// The type as tensors name it.
  static var elementType: DType { get }

  /// Reads elements of a type of real numbers, which need not be aligned; a float64 is rounded to
  /// nearest where this type is float32.
  static func decode(
    _ bytes: UnsafeRawPointer, _ type: DType, into target: UnsafeMutableBufferPointer<Self>)

  /// Writes elements in a type of real numbers, each rounded once, to nearest, ties to even.
  static func encode(
    _ elements: UnsafeBufferPointer<Self>, as type: DType, into bytes: UnsafeMutableRawPointer)
}

extension Float: RealElement {
  package static var elementType: DType { .float32 }

  package static func decode(
    _ bytes: UnsafeRawPointer, _ type: DType, into target: UnsafeMutableBufferPointer<Float>
  ) {
    guard let base = target.baseAddress else { return }
    switch type {
    case .float32:
      UnsafeMutableRawPointer(base).copyMemory(from: bytes, byteCount: 4 * target.count)
    case .bfloat16:
      ck_cast_bf16_f32(bytes.assumingMemoryBound(to: UInt16.self), base, target.count)
    case .float16:
      for index in target.indices {
        target[index] = Float16Bits.float(
          bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
      }
    case .float64:
      for index in target.indices {
        target[index] = Float(bytes.loadUnaligned(fromByteOffset: 8 * index, as: Double.self))
      }
    default: preconditionFailure("\(type) holds no real numbers")
    }
  }

  package static func encode(
    _ elements: UnsafeBufferPointer<Float>, as type: DType, into bytes: UnsafeMutableRawPointer
  ) {
    guard let base = elements.baseAddress else { return }
    switch type {
    case .float32: bytes.copyMemory(from: base, byteCount: 4 * elements.count)
    case .bfloat16:
      keepingSubnormals {
        ck_cast_f32_bf16(base, bytes.assumingMemoryBound(to: UInt16.self), elements.count)
      }
    case .float16:
      let target = bytes.assumingMemoryBound(to: UInt16.self)
      for index in elements.indices { target[index] = Float16Bits.bits(elements[index]) }
    case .float64:
      let target = bytes.assumingMemoryBound(to: Double.self)
      for index in elements.indices { target[index] = Double(elements[index]) }
    default: preconditionFailure("\(type) holds no real numbers")
    }
  }

  /// Calls `body` with kernels that keep numbers below the normal range, which those for the fastest
  /// processors make zero.
  private static func keepingSubnormals(_ body: () -> Void) {
    let level = ck_level()
    guard level > CK_LEVEL_AVX512 else { return body() }
    _ = ck_set_thread_level(CK_LEVEL_AVX512)
    defer { _ = ck_set_thread_level(level) }
    body()
  }
}

extension Double: RealElement {
  package static var elementType: DType { .float64 }

  package static func decode(
    _ bytes: UnsafeRawPointer, _ type: DType, into target: UnsafeMutableBufferPointer<Double>
  ) {
    guard let base = target.baseAddress else { return }
    if type == .float64 {
      UnsafeMutableRawPointer(base).copyMemory(from: bytes, byteCount: 8 * target.count)
      return
    }
    inPieces(of: target.count) { range, floats in
      Float.decode(bytes + range.lowerBound * type.byteWidth, type, into: floats)
      for index in floats.indices { target[range.lowerBound + index] = Double(floats[index]) }
    }
  }

  package static func encode(
    _ elements: UnsafeBufferPointer<Double>, as type: DType, into bytes: UnsafeMutableRawPointer
  ) {
    guard let base = elements.baseAddress else { return }
    switch type {
    case .float64: bytes.copyMemory(from: base, byteCount: 8 * elements.count)
    case .float32:
      let target = bytes.assumingMemoryBound(to: Float.self)
      for index in elements.indices { target[index] = Float(elements[index]) }
    default:
      inPieces(of: elements.count) { range, floats in
        for index in floats.indices {
          floats[index] = Float(roundingToOdd: elements[range.lowerBound + index])
        }
        Float.encode(
          UnsafeBufferPointer(floats), as: type, into: bytes + range.lowerBound * type.byteWidth)
      }
    }
  }

  /// Calls `body` with ranges that make up `0 ..< count` and room for as many floats as each has.
  private static func inPieces(
    of count: Int, _ body: (Range<Int>, UnsafeMutableBufferPointer<Float>) -> Void
  ) {
    let most = 4096
    withUnsafeTemporaryAllocation(of: Float.self, capacity: min(count, most)) { floats in
      floats.initialize(repeating: 0)
      for first in stride(from: 0, to: count, by: most) {
        let range = first..<min(first + most, count)
        body(range, UnsafeMutableBufferPointer(rebasing: floats[..<range.count]))
      }
    }
  }
}
