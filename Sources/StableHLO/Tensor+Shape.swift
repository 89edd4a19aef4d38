// SPDX-License-Identifier: Apache-2.0

// What moves elements and computes nothing.

extension Tensor {
  /// The same elements in row-major order with other extents.
  public func reshaped(to extents: [Int]) -> Tensor {
    guard extents != self.extents else { return self }
    let result = TensorType(type.element, extents)
    function.expect(
      result.elementCount == type.elementCount, "reshape", "\(type) as \(result)")
    return function.emit("stablehlo.reshape \(name) : (\(type)) -> \(result)", result)
  }

  /// The axes in another order: axis i of the result is axis `order[i]` of this.
  public func transposed(_ order: [Int]) -> Tensor {
    guard order != Array(extents.indices) else { return self }
    guard order.sorted() == Array(extents.indices) else {
      function.note(.typeMismatch, "axes \(order) of \(type)", in: "transpose")
      return self
    }
    let result = TensorType(type.element, order.map { extents[$0] })
    return function.emit(
      "stablehlo.transpose \(name), dims = \(Self.list(order)) : (\(type)) -> \(result)", result)
  }

  /// Repeated along the axes of other extents that are not its own.
  ///
  /// - Parameter axes: for each axis of this, which axis of the result it becomes; in order.
  public func broadcast(to extents: [Int], axes: [Int] = []) -> Tensor {
    guard extents != self.extents else { return self }
    let result = TensorType(type.element, extents)
    let fits =
      axes.count == type.rank && axes == axes.sorted() && Set(axes).count == axes.count
      && zip(axes, self.extents).allSatisfy { axis, size in
        extents.indices.contains(axis) && (size == extents[axis] || size == 1)
      }
    function.expect(fits, "broadcast_in_dim", "\(type) by axes \(axes) to \(result)")
    return function.emit(
      "stablehlo.broadcast_in_dim \(name), dims = \(Self.list(axes)) : (\(type)) -> \(result)",
      result)
  }

  /// A part of one axis.
  public func slice(_ range: Range<Int>, axis: Int) -> Tensor {
    guard extents.indices.contains(axis), range.upperBound <= extents[axis] else {
      function.note(.typeMismatch, "\(range) of axis \(axis) of \(type)", in: "slice")
      return self
    }
    guard range != 0..<extents[axis] else { return self }
    var result = type
    result.extents[axis] = range.count
    let bounds = extents.enumerated().map { index, extent in
      index == axis ? "\(range.lowerBound):\(range.upperBound)" : "0:\(extent)"
    }
    return function.emit(
      "stablehlo.slice \(name) [\(bounds.joined(separator: ", "))] : (\(type)) -> \(result)",
      result)
  }

  /// A part of one axis whose start is a number of the program: a scalar of `int32`.
  ///
  /// Where the part would reach beyond the end, it begins earlier.
  public func slice(at start: Tensor, count: Int, axis: Int) -> Tensor {
    var result = type
    guard extents.indices.contains(axis), count <= extents[axis] else {
      function.note(.typeMismatch, "\(count) of axis \(axis) of \(type)", in: "dynamic_slice")
      return self
    }
    result.extents[axis] = count
    let starts = starts(start, axis: axis)
    let types = [type.description] + starts.map(\.type.description)
    return function.emit(
      "stablehlo.dynamic_slice \(([self] + starts).map(\.name).joined(separator: ", ")), "
        + "sizes = \(Self.list(result.extents)) : (\(types.joined(separator: ", "))) -> \(result)",
      result)
  }

  /// This with a part of one axis replaced, from a start that is a number of the program on.
  public func replacing(_ part: Tensor, at start: Tensor, axis: Int) -> Tensor {
    let fits =
      extents.indices.contains(axis) && part.type.rank == type.rank
      && part.type.element == type.element
      && zip(part.extents, extents).enumerated().allSatisfy {
        $0.offset == axis ? $0.element.0 <= $0.element.1 : $0.element.0 == $0.element.1
      }
    function.expect(fits, "dynamic_update_slice", "\(part.type) in axis \(axis) of \(type)")
    let starts = starts(start, axis: axis)
    let operands = [self, part] + starts
    return function.emit(
      "stablehlo.dynamic_update_slice \(operands.map(\.name).joined(separator: ", ")) : "
        + "(\(operands.map(\.type.description).joined(separator: ", "))) -> \(type)", type)
  }

  private func starts(_ start: Tensor, axis: Int) -> [Tensor] {
    let scalar = TensorType(.int32)
    function.expect(start.type == scalar, "dynamic_slice", "a start of type \(start.type)")
    let zero = function.constant(0, scalar)
    return extents.indices.map { $0 == axis ? start : zero }
  }

  /// Tensors one after the other along an axis.
  public static func concatenating(_ parts: [Tensor], axis: Int) -> Tensor {
    let first = parts[0]
    guard parts.count > 1 else { return first }
    var result = first.type
    let fits = parts.allSatisfy { part in
      part.type.element == first.type.element && part.type.rank == first.type.rank
        && first.extents.indices.allSatisfy {
          $0 == axis || part.extents[$0] == first.extents[$0]
        }
    }
    guard fits, first.extents.indices.contains(axis) else {
      first.function.note(.typeMismatch, "\(parts.map(\.type)) by axis \(axis)", in: "concatenate")
      return first
    }
    result.extents[axis] = parts.reduce(0) { $0 + $1.extents[axis] }
    return first.function.emit(
      "stablehlo.concatenate \(parts.map(\.name).joined(separator: ", ")), dim = \(axis) : "
        + "(\(parts.map(\.type.description).joined(separator: ", "))) -> \(result)", result)
  }

  /// With zeros before and after along an axis.
  public func padded(before: Int = 0, after: Int = 0, axis: Int) -> Tensor {
    guard before > 0 || after > 0 else { return self }
    guard extents.indices.contains(axis), before >= 0, after >= 0 else {
      function.note(
        .typeMismatch, "\(before) and \(after) beside axis \(axis) of \(type)", in: "pad")
      return self
    }
    var result = type
    result.extents[axis] += before + after
    func list(_ count: Int) -> String { Self.list(extents.indices.map { $0 == axis ? count : 0 }) }
    let zero = function.constant(0, TensorType(type.element))
    return function.emit(
      "stablehlo.pad \(name), \(zero.name), low = \(list(before)), high = \(list(after)), "
        + "interior = \(Self.list(extents.map { _ in 0 })) : (\(type), \(zero.type)) -> \(result)",
      result)
  }

  /// `[0, 2, 1]`.
  static func list(_ numbers: [Int]) -> String {
    "[\(numbers.map(String.init).joined(separator: ", "))]"
  }
}
