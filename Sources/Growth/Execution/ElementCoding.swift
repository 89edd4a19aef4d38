// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// Elements of files' types as growth computes with them, and back.
protocol ElementCoding: GrowthScalar {
  /// Reads elements of a type that this one holds exactly.
  static func decode(
    _ bytes: UnsafeRawPointer, _ type: DType, into target: UnsafeMutableBufferPointer<Self>)

  /// Writes elements in another type of real numbers, each rounded once, to nearest.
  static func encode(
    _ elements: UnsafeBufferPointer<Self>, as type: DType, into bytes: UnsafeMutableRawPointer)
}

/// Threads that call these have chosen a level of kernels that keeps numbers below the normal range;
/// see ``ExactKernels``.
extension Float: ElementCoding {
  static func decode(
    _ bytes: UnsafeRawPointer, _ type: DType, into target: UnsafeMutableBufferPointer<Float>
  ) {
    guard let base = target.baseAddress else { return }
    switch type {
    case .bfloat16:
      ck_cast_bf16_f32(bytes.assumingMemoryBound(to: UInt16.self), base, target.count)
    case .float16:
      HalfPrecision.floats(bytes.assumingMemoryBound(to: UInt16.self), into: target)
    default: UnsafeMutableRawPointer(base).copyMemory(from: bytes, byteCount: 4 * target.count)
    }
  }

  static func encode(
    _ elements: UnsafeBufferPointer<Float>, as type: DType, into bytes: UnsafeMutableRawPointer
  ) {
    guard let base = elements.baseAddress else { return }
    switch type {
    case .bfloat16:
      ck_cast_f32_bf16(base, bytes.assumingMemoryBound(to: UInt16.self), elements.count)
    case .float16:
      HalfPrecision.halves(elements, into: bytes.assumingMemoryBound(to: UInt16.self))
    case .float64:
      let target = bytes.assumingMemoryBound(to: Double.self)
      for index in elements.indices { target[index] = Double(elements[index]) }
    default: bytes.copyMemory(from: base, byteCount: 4 * elements.count)
    }
  }
}

extension Double: ElementCoding {
  static func decode(
    _ bytes: UnsafeRawPointer, _ type: DType, into target: UnsafeMutableBufferPointer<Double>
  ) {
    guard let base = target.baseAddress else { return }
    if type == .float64 {
      UnsafeMutableRawPointer(base).copyMemory(from: bytes, byteCount: 8 * target.count)
      return
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: target.count) { floats in
      floats.initialize(repeating: 0)
      Float.decode(bytes, type, into: floats)
      for index in target.indices { target[index] = Double(floats[index]) }
    }
  }

  static func encode(
    _ elements: UnsafeBufferPointer<Double>, as type: DType, into bytes: UnsafeMutableRawPointer
  ) {
    guard let base = elements.baseAddress else { return }
    switch type {
    case .float64: bytes.copyMemory(from: base, byteCount: 8 * elements.count)
    case .float32:
      let target = bytes.assumingMemoryBound(to: Float.self)
      for index in elements.indices { target[index] = Float(elements[index]) }
    default:
      withUnsafeTemporaryAllocation(of: Float.self, capacity: elements.count) { floats in
        for index in elements.indices { floats[index] = Float(roundingToOdd: elements[index]) }
        Float.encode(UnsafeBufferPointer(floats), as: type, into: bytes)
      }
    }
  }
}

/// Chooses kernels whose conversions keep numbers below the normal range, for a thread.
enum ExactKernels {
  /// Runs `body` with such kernels.
  static func use<Result>(_ body: () throws -> Result) rethrows -> Result {
    _ = ck_set_thread_level(min(ck_best_level(), CK_LEVEL_AVX512))
    defer { _ = ck_set_thread_level(-1) }
    return try body()
  }
}
