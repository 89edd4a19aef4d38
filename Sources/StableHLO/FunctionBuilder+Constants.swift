// SPDX-License-Identifier: Apache-2.0
import CheckedInput

extension FunctionBuilder {
  /// A number in all places of a type.
  public func constant(_ number: Double, _ type: TensorType) -> Tensor {
    guard type.element.isFloatingPoint else {
      note(.typeMismatch, "\(number) as elements of \(type)", in: "constant")
      return constant("0", type)
    }
    return constant(Self.literal(number, type.element), type)
  }

  /// An integer in all places of a type; a truth value where it is one.
  public func constant(_ number: Int, _ type: TensorType) -> Tensor {
    if type.element.isFloatingPoint { return constant(Double(number), type) }
    if type.element == .boolean { return constant(number == 0 ? "false" : "true", type) }
    return constant(String(number), type)
  }

  /// Along one axis 0, 1, 2 and so on.
  public func iota(_ type: TensorType, axis: Int) -> Tensor {
    expect(type.extents.indices.contains(axis), "iota", "axis \(axis) of \(type)")
    return emit("stablehlo.iota dim = \(axis) : \(type)", type)
  }

  /// The number as MLIR reads it: in digits that give it back, with the point that MLIR asks for; bits
  /// for what has no digits.
  static func literal(_ number: Double, _ element: TensorType.Element) -> String {
    guard number.isFinite else {
      let bits: UInt64 =
        switch element {
        case .float64: number.bitPattern
        // checked: bits are an integer.
        case .bfloat16: UInt64(Float(number).bitPattern >> 16)
        default: UInt64(Float(number).bitPattern)  // checked: bits are an integer.
        }
      let digits = String(bits, radix: 16, uppercase: true)
      return "0x" + String(repeating: "0", count: 2 * element.byteWidth - digits.count) + digits
    }
    let digits = element == .float64 ? number.description : Float(number).description
    guard !digits.contains("."), let exponent = digits.firstIndex(of: "e") else { return digits }
    return digits[..<exponent] + ".0" + digits[exponent...]
  }
}
