// SPDX-License-Identifier: Apache-2.0

/// The extents of a tensor, outermost axis first; a scalar has none.
public struct Shape: Sendable, Hashable, ExpressibleByArrayLiteral, CustomStringConvertible {
  /// The extent of each axis, none negative.
  public let extents: [Int]
  /// The product of the extents.
  public let elementCount: Int

  /// Checks extents that come from outside: none negative, their product within `Int`.
  ///
  /// Extents of 0 are left out of the product that must fit, so that the order of the axes does
  /// not matter and products of some axes (strides) fit as well.
  ///
  /// - Throws: ``TensorsError`` of code `invalidShape`.
  public init(validating extents: [Int]) throws {
    var product = 1
    for extent in extents where extent != 0 {
      let (next, overflow) = product.multipliedReportingOverflow(by: extent)
      guard extent > 0, !overflow else {
        throw TensorsError(
          .invalidShape,
          "shape \(extents) has a negative extent or more elements than memory can address",
          subject: "tensor")
      }
      product = next
    }
    self.extents = extents
    elementCount = extents.contains(0) ? 0 : product
  }

  /// A shape from extents the program itself chose.
  public init(_ extents: [Int]) {
    precondition(extents.allSatisfy { $0 >= 0 }, "negative extent in \(extents)")
    self.extents = extents
    elementCount = extents.reduce(1, *)
  }

  /// A shape from extents the program itself chose.
  public init(arrayLiteral extents: Int...) { self.init(extents) }

  /// The number of axes.
  public var rank: Int { extents.count }
  /// The extent of an axis.
  public subscript(axis: Int) -> Int { extents[axis] }

  /// The extents in brackets.
  public var description: String { "[\(extents.map(String.init).joined(separator: ", "))]" }
}
