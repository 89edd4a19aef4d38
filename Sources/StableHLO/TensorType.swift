// SPDX-License-Identifier: Apache-2.0

/// The type of a tensor: what its elements are, and its extents, outermost first.
public struct TensorType: Sendable, Hashable, CustomStringConvertible {
  /// The elements' types, by their names in MLIR.
  public enum Element: String, Sendable, Hashable, CaseIterable {
    case boolean = "i1"
    case int32 = "i32"
    case uint32 = "ui32"
    case uint64 = "ui64"
    case bfloat16 = "bf16"
    case float32 = "f32"
    case float64 = "f64"

    /// Whether elements are real numbers.
    public var isFloatingPoint: Bool {
      switch self {
      case .bfloat16, .float32, .float64: true
      case .boolean, .int32, .uint32, .uint64: false
      }
    }

    /// Bytes of an element on the host.
    public var byteWidth: Int {
      switch self {
      case .boolean: 1
      case .bfloat16: 2
      case .int32, .uint32, .float32: 4
      case .uint64, .float64: 8
      }
    }
  }

  /// What the elements are.
  public var element: Element
  /// The extents; none for a scalar.
  public var extents: [Int]

  /// Makes a type.
  public init(_ element: Element, _ extents: [Int] = []) {
    self.element = element
    self.extents = extents
  }

  /// The number of axes.
  public var rank: Int { extents.count }
  /// The product of the extents.
  public var elementCount: Int { extents.reduce(1, *) }

  /// As MLIR writes it: `tensor<2x3xf32>`.
  public var description: String {
    "tensor<\(extents.map { "\($0)x" }.joined())\(element.rawValue)>"
  }

  /// The same extents with other elements.
  func with(_ element: Element) -> TensorType { TensorType(element, extents) }
}
