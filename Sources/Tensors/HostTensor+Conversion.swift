// SPDX-License-Identifier: Apache-2.0

extension TensorView {
  /// The elements as float32: exact from float16 and bfloat16, rounded to nearest from float64.
  ///
  /// - Throws: ``TensorsError`` of code `unsupportedConversion` for integers and Booleans.
  public func convertedToFloat32() throws -> HostTensor {
    if dtype == .float32 { return HostTensor(copying: self) }
    guard dtype.isFloatingPoint else {
      throw TensorsError(
        .unsupportedConversion, "elements of type \(dtype) are not real numbers",
        subject: "tensor")
    }
    defer { withExtendedLifetime(owner) {} }
    return HostTensor(shape: shape) { target in
      guard let base = bytes.baseAddress else { return }
      Float.decode(base, dtype, into: target.bindMemory(to: Float.self))
    }
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
    if dtype == .float64 { return encoded(as: target, from: Double.self) }
    return try view.convertedToFloat32().encoded(as: target, from: Float.self)
  }

  /// The elements, which are of a type, in another.
  private func encoded<Element: RealElement>(
    as target: DType, from type: Element.Type
  ) -> HostTensor {
    withUnsafeBytes { source in
      HostTensor(shape: shape, dtype: target) { bytes in
        guard let base = bytes.baseAddress else { return }
        Element.encode(source.bindMemory(to: Element.self), as: target, into: base)
      }
    }
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
