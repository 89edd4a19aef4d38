// SPDX-License-Identifier: Apache-2.0

/// The type of a tensor's elements, as memory and files hold them.
public enum DType: String, Sendable, Hashable, CaseIterable, Codable {
  case float64, float32, float16, bfloat16
  case int64, int32, int16, int8
  case uint64, uint32, uint16, uint8
  case bool

  /// Bytes of one element.
  public var byteWidth: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool: 1
    }
  }

  /// Whether elements are real numbers that ``HostTensor/converted(to:)`` can convert.
  public var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16: true
    default: false
    }
  }
}

/// The numbers that a floating-point type has.
public struct FloatingPointFormat: Sendable, Hashable {
  /// Digits of a normal number's significand, the first one among them.
  public var digits: Int
  /// The exponent of the least normal number.
  public var leastExponent: Int
  /// The largest finite number.
  public var greatestFiniteMagnitude: Double

  /// Half of the last place of a number, relative to the number.
  public var unitRoundoff: Double { Double(sign: .plus, exponent: -digits, significand: 1) }
}

extension DType {
  /// The numbers that a floating-point type has; nil for integers and Booleans.
  public var format: FloatingPointFormat? {
    switch self {
    case .float64:
      FloatingPointFormat(
        digits: 53, leastExponent: -1022, greatestFiniteMagnitude: .greatestFiniteMagnitude)
    case .float32:
      FloatingPointFormat(
        digits: 24, leastExponent: -126, greatestFiniteMagnitude: 0x1.FFFFFEp127)
    case .float16:
      FloatingPointFormat(digits: 11, leastExponent: -14, greatestFiniteMagnitude: 65504)
    case .bfloat16:
      FloatingPointFormat(digits: 8, leastExponent: -126, greatestFiniteMagnitude: 0x1.FEp127)
    default: nil
    }
  }

  /// Whether this is a floating-point type of 16 bits.
  public var isHalfPrecision: Bool { isFloatingPoint && byteWidth == 2 }
}
