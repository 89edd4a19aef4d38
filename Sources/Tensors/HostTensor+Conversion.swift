// SPDX-License-Identifier: Apache-2.0

extension TensorView {
  /// The elements as float32: exact from float16 and bfloat16, rounded to nearest from float64.
  ///
  /// - Throws: ``TensorsError`` of code `unsupportedConversion` for integers and Booleans.
  public func convertedToFloat32() throws -> HostTensor {
    if dtype == .float32 { return HostTensor(copying: self) }
    defer { withExtendedLifetime(owner) {} }
    var result = HostTensor(zeros: shape)
    let count = shape.elementCount
    try result.withUnsafeMutableBytes { target in
      let floats = target.bindMemory(to: Float.self)
      switch dtype {
      case .float64:
        for index in 0..<count {
          floats[index] = Float(bytes.loadUnaligned(fromByteOffset: index * 8, as: Double.self))
        }
      case .bfloat16:
        for index in 0..<count {
          let bits = bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
          floats[index] = Float(BFloat16(bitPattern: bits))
        }
      case .float16:
        for index in 0..<count {
          let bits = bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
          floats[index] = Float16Bits.float(bits)
        }
      default:
        throw TensorsError(
          .unsupportedConversion, "elements of type \(dtype) are not real numbers",
          subject: "tensor")
      }
    }
    return result
  }
}

extension HostTensor {
  /// The same elements in another floating-point type, rounded to nearest, ties to even.
  ///
  /// - Throws: ``TensorsError`` of code `unsupportedConversion` where either type is not a float.
  public func converted(to target: DType) throws -> HostTensor {
    if target == dtype { return self }
    guard dtype.isFloatingPoint, target.isFloatingPoint else {
      throw TensorsError(
        .unsupportedConversion, "cannot convert \(dtype) to \(target): both must be real numbers",
        subject: "tensor")
    }
    if target == .float32 { return try view.convertedToFloat32() }
    let source = dtype == .float64 ? roundedToOddFloat32() : try view.convertedToFloat32()
    return source.roundedFromFloat32(to: target)
  }

  /// A float32 tensor's elements in float64, float16 or bfloat16.
  private func roundedFromFloat32(to target: DType) -> HostTensor {
    var result = HostTensor(zeros: shape, dtype: target)
    let count = shape.elementCount
    withUnsafeBytes { raw in
      let floats = raw.bindMemory(to: Float.self)
      result.withUnsafeMutableBytes { bytes in
        switch target {
        case .bfloat16:
          let out = bytes.bindMemory(to: UInt16.self)
          for index in 0..<count { out[index] = BFloat16(floats[index]).bitPattern }
        case .float16:
          let out = bytes.bindMemory(to: UInt16.self)
          for index in 0..<count { out[index] = Float16Bits.bits(floats[index]) }
        default:
          let out = bytes.bindMemory(to: Double.self)
          for index in 0..<count { out[index] = Double(floats[index]) }
        }
      }
    }
    return result
  }

  /// A float64 tensor's elements in float32, ready to be rounded once more.
  private func roundedToOddFloat32() -> HostTensor {
    var result = HostTensor(zeros: shape)
    let count = shape.elementCount
    withUnsafeBytes { raw in
      let doubles = raw.bindMemory(to: Double.self)
      result.withUnsafeMutableBytes { bytes in
        let floats = bytes.bindMemory(to: Float.self)
        for index in 0..<count { floats[index] = Float(roundingToOdd: doubles[index]) }
      }
    }
    return result
  }
}

extension Float {
  /// The neighbour of an inexact value whose last bit is 1, and every exact value itself.
  ///
  /// Rounding that to a format with at least two bits fewer gives what rounding `value` at once
  /// would give, where rounding to nearest twice may not (Boldo & Melquiond, “When double rounding
  /// is odd”, 2005).
  package init(roundingToOdd value: Double) {
    let nearest = Float(value)
    let difference = value - Double(nearest)
    let isExact = difference == 0 || value.isNaN || value.isInfinite
    if isExact || (nearest.isFinite && nearest.bitPattern & 1 == 1) {
      self = nearest
    } else {
      // The other neighbour: above the even nearest one or below it, in magnitude.
      let isAbove = value.magnitude > Double(nearest.magnitude)
      let bits = nearest.magnitude.bitPattern
      let magnitude = Float(bitPattern: isAbove ? bits + 1 : bits - 1)
      self = value.sign == .minus ? -magnitude : magnitude
    }
  }
}
