// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Finds numbers that no sound tensor holds, in the bytes that a file will have.
enum NumberCheck {
  /// The place of the first element that is infinite or no number; nil for none, and for types other
  /// than real numbers.
  static func firstNotFinite(_ bytes: UnsafeRawBufferPointer, _ type: DType?) -> Int? {
    switch type {
    case .float32: first(in: bytes) { (bits: UInt32) in bits & 0x7F80_0000 == 0x7F80_0000 }
    case .bfloat16: first(in: bytes) { (bits: UInt16) in bits & 0x7F80 == 0x7F80 }
    case .float16: first(in: bytes) { (bits: UInt16) in bits & 0x7C00 == 0x7C00 }
    case .float64:
      first(in: bytes) { (bits: UInt64) in
        bits & 0x7FF0_0000_0000_0000 == 0x7FF0_0000_0000_0000
      }
    default: nil
    }
  }

  /// The place of the first float32 below zero; nil for none.
  static func firstNegative(_ bytes: UnsafeRawBufferPointer) -> Int? {
    first(in: bytes) { (bits: UInt32) in bits > 0x8000_0000 }
  }

  private static func first<Bits: FixedWidthInteger>(
    in bytes: UnsafeRawBufferPointer, where isBad: (Bits) -> Bool
  ) -> Int? {
    let width = MemoryLayout<Bits>.size
    for place in 0..<bytes.count / width
    where isBad(bytes.loadUnaligned(fromByteOffset: place * width, as: Bits.self)) {
      return place
    }
    return nil
  }

  /// An element of a tensor of real numbers, as a float64.
  static func element(_ bytes: UnsafeRawBufferPointer, _ type: DType, at place: Int) -> Double {
    guard let base = bytes.baseAddress else { return .nan }
    var value = 0.0
    withUnsafeMutablePointer(to: &value) {
      Double.decode(
        base + place * type.byteWidth, type, into: UnsafeMutableBufferPointer(start: $0, count: 1))
    }
    return value
  }

  /// A number in the shortest spelling of the type that holds it.
  static func text(_ value: Double) -> String {
    let float = Float(value)
    return Double(float) == value ? "\(float)" : "\(value)"
  }

  /// An element's index along each axis, in brackets.
  static func index(_ place: Int, in shape: Shape) -> String {
    var rest = place
    let indices = shape.extents.reversed().map { extent in
      defer { rest /= max(1, extent) }
      return String(rest % max(1, extent))
    }
    return "[\(indices.reversed().joined(separator: ", "))]"
  }
}
