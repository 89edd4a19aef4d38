// SPDX-License-Identifier: Apache-2.0

/// A value of a function that is being written; operations on it write further lines.
public struct Tensor {
  /// The name in the text: `%12`, `%arg3`.
  let name: String
  /// The type.
  public let type: TensorType
  /// The function that it belongs to.
  public let function: FunctionBuilder

  /// The extents.
  public var extents: [Int] { type.extents }

  /// One operation that takes and gives this type.
  func unary(_ operation: String) -> Tensor {
    function.emit("stablehlo.\(operation) \(name) : \(type)", type)
  }

  /// One operation on two values of one type.
  func binary(_ operation: String, _ other: Tensor) -> Tensor {
    function.expect(
      type == other.type && function === other.function, operation, "\(type) and \(other.type)")
    return function.emit("stablehlo.\(operation) \(name), \(other.name) : \(type)", type)
  }

  /// A number in all places of this type.
  public func filled(with number: Double) -> Tensor { function.constant(number, type) }
}

// MARK: Arithmetic

extension Tensor {
  /// Element by element.
  public static func + (left: Tensor, right: Tensor) -> Tensor { left.binary("add", right) }
  /// Element by element.
  public static func - (left: Tensor, right: Tensor) -> Tensor { left.binary("subtract", right) }
  /// Element by element.
  public static func * (left: Tensor, right: Tensor) -> Tensor { left.binary("multiply", right) }
  /// Element by element.
  public static func / (left: Tensor, right: Tensor) -> Tensor { left.binary("divide", right) }
  /// Plus a number in all places.
  public static func + (left: Tensor, right: Double) -> Tensor { left + left.filled(with: right) }
  /// A number plus each element.
  public static func + (left: Double, right: Tensor) -> Tensor { right + left }
  /// Minus a number in all places.
  public static func - (left: Tensor, right: Double) -> Tensor { left - left.filled(with: right) }
  /// A number minus each element.
  public static func - (left: Double, right: Tensor) -> Tensor { right.filled(with: left) - right }
  /// Times a number.
  public static func * (left: Tensor, right: Double) -> Tensor { left * left.filled(with: right) }
  /// Divided by a number.
  public static func / (left: Tensor, right: Double) -> Tensor { left / left.filled(with: right) }
  /// A number divided by each element.
  public static func / (left: Double, right: Tensor) -> Tensor { right.filled(with: left) / right }

  /// The larger of two, element by element.
  public func maximum(_ other: Tensor) -> Tensor { binary("maximum", other) }
  /// The smaller of two, element by element.
  public func minimum(_ other: Tensor) -> Tensor { binary("minimum", other) }
  /// e to the power of each element.
  public func exponential() -> Tensor { unary("exponential") }
  /// The natural logarithm.
  public func logarithm() -> Tensor { unary("log") }
  /// The square root.
  public func squareRoot() -> Tensor { unary("sqrt") }
  /// One over the square root.
  public func inverseSquareRoot() -> Tensor { unary("rsqrt") }
  /// The hyperbolic tangent.
  public func hyperbolicTangent() -> Tensor { unary("tanh") }
  /// 1 / (1 + e⁻ˣ).
  public func logistic() -> Tensor { unary("logistic") }
  /// The error function.
  public func errorFunction() -> Tensor {
    function.emit("chlo.erf \(name) : \(type) -> \(type)", type)
  }

  /// Bit by bit; of truth values, whether both hold.
  public func and(_ other: Tensor) -> Tensor { binary("and", other) }
  /// Bit by bit; of truth values, whether one of them holds.
  public func or(_ other: Tensor) -> Tensor { binary("or", other) }
  /// Bit by bit.
  public func exclusiveOr(_ other: Tensor) -> Tensor { binary("xor", other) }
  /// The bits moved down, with zeros above.
  public func shiftedRight(by count: Int) -> Tensor {
    binary("shift_right_logical", function.constant(count, type))
  }

  /// Whether each element is a number and not infinite.
  public func isFinite() -> Tensor {
    let result = type.with(.boolean)
    return function.emit("stablehlo.is_finite \(name) : (\(type)) -> \(result)", result)
  }

  /// The same numbers as elements of another type, rounded to nearest where need be.
  public func converted(to element: TensorType.Element) -> Tensor {
    guard element != type.element else { return self }
    let result = type.with(element)
    return function.emit("stablehlo.convert \(name) : (\(type)) -> \(result)", result)
  }
}

// MARK: Comparisons

extension Tensor {
  /// How two elements can compare.
  public enum Comparison: String, Sendable {
    case equal = "EQ"
    case notEqual = "NE"
    case less = "LT"
    case lessOrEqual = "LE"
    case greater = "GT"
    case greaterOrEqual = "GE"
  }

  /// Whether elements compare so to those of another tensor.
  public func compares(_ comparison: Comparison, to other: Tensor) -> Tensor {
    function.expect(type == other.type, "compare", "\(type) and \(other.type)")
    let kind =
      switch type.element {
      case .bfloat16, .float32, .float64: "FLOAT"
      case .int32: "SIGNED"
      case .boolean, .uint32, .uint64: "UNSIGNED"
      }
    let result = type.with(.boolean)
    return function.emit(
      "stablehlo.compare \(comparison.rawValue), \(name), \(other.name), \(kind) : "
        + "(\(type), \(other.type)) -> \(result)", result)
  }

  /// Of truth values: elements of one tensor where they hold, and of another where not.
  public func selecting(_ yes: Tensor, otherwise no: Tensor) -> Tensor {
    function.expect(
      yes.type == no.type && type == yes.type.with(.boolean), "select",
      "\(type), \(yes.type) and \(no.type)")
    return function.emit(
      "stablehlo.select \(name), \(yes.name), \(no.name) : \(type), \(yes.type)", yes.type)
  }

  /// Of truth values: elements of one tensor where they hold, and a number where not.
  public func selecting(_ yes: Tensor, otherwise no: Double) -> Tensor {
    selecting(yes, otherwise: yes.filled(with: no))
  }
}
