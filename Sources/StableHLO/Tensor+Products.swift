// SPDX-License-Identifier: Apache-2.0

// Sums: along axes, of products, of rows that go to one place.

extension Tensor {
  /// The axes of two factors that belong together.
  public struct ProductAxes: Sendable {
    /// Pairs over which products are not summed: a product for each index.
    public var batch: [(left: Int, right: Int)]
    /// Pairs over which they are summed.
    public var summed: [(left: Int, right: Int)]

    /// Makes axes.
    public init(batch: [(left: Int, right: Int)] = [], summed: [(left: Int, right: Int)]) {
      self.batch = batch
      self.summed = summed
    }
  }

  /// Sums of products: the result has the batch axes, then this one's others, then the other's.
  ///
  /// Products of float32 are those of float32 on every device; sums are float32 whatever the factors.
  public func product(_ other: Tensor, _ axes: ProductAxes) -> Tensor {
    let (batch, summed) = (axes.batch, axes.summed)
    let fits =
      type.element == other.type.element
      && (batch + summed).allSatisfy {
        extents.indices.contains($0.left) && other.extents.indices.contains($0.right)
          && extents[$0.left] == other.extents[$0.right]
      }
    guard fits else {
      function.note(
        .typeMismatch, "\(type) and \(other.type) by axes \(batch) and \(summed)",
        in: "dot_general")
      return self
    }
    let used = (batch + summed)
    let left = extents.indices.filter { axis in !used.contains { $0.left == axis } }
    let right = other.extents.indices.filter { axis in !used.contains { $0.right == axis } }
    let result = TensorType(
      .float32,
      batch.map { extents[$0.left] } + left.map { extents[$0] } + right.map { other.extents[$0] })
    func pair(_ name: String, _ axes: [(left: Int, right: Int)]) -> String {
      axes.isEmpty
        ? "" : ", \(name) = \(Self.list(axes.map(\.left))) x \(Self.list(axes.map(\.right)))"
    }
    let precision = type.element == .float32 ? "HIGHEST" : "DEFAULT"
    return function.emit(
      "stablehlo.dot_general \(name), \(other.name)\(pair("batching_dims", batch))"
        + "\(pair("contracting_dims", summed)), precision = [\(precision), \(precision)] : "
        + "(\(type), \(other.type)) -> \(result)", result)
  }

  /// The sum along some axes, which the result does not have.
  public func sum(over axes: [Int]) -> Tensor {
    reduced("add", function.constant(0, TensorType(type.element)), axes)
  }

  /// The largest along some axes, which the result does not have.
  public func largest(over axes: [Int]) -> Tensor {
    reduced("maximum", function.constant(-Double.infinity, TensorType(type.element)), axes)
  }

  private func reduced(_ operation: String, _ start: Tensor, _ axes: [Int]) -> Tensor {
    if axes.isEmpty { return self }
    function.expect(
      axes.allSatisfy(extents.indices.contains), "reduce", "axes \(axes) of \(type)")
    let result = TensorType(
      type.element, extents.indices.filter { !axes.contains($0) }.map { extents[$0] })
    return function.emit(
      "stablehlo.reduce(\(name) init: \(start.name)) applies stablehlo.\(operation) across "
        + "dimensions = \(Self.list(axes)) : (\(type), \(start.type)) -> \(result)", result)
  }

  /// Rows of this matrix, by their numbers.
  public func rows(_ numbers: Tensor) -> Tensor {
    guard type.rank == 2, numbers.type.rank == 1, numbers.type.element == .int32 else {
      function.note(.typeMismatch, "rows \(numbers.type) of \(type)", in: "gather")
      return self
    }
    let result = TensorType(type.element, [numbers.extents[0], extents[1]])
    return function.emit(
      "\"stablehlo.gather\"(\(name), \(numbers.name)) <{dimension_numbers = #stablehlo.gather<"
        + "offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], "
        + "index_vector_dim = 1>, slice_sizes = array<i64: 1, \(extents[1])>}> : "
        + "(\(type), \(numbers.type)) -> \(result)", result)
  }

  /// This matrix with rows added to its own, by their numbers; those of one number are all added.
  public func adding(_ rows: Tensor, at numbers: Tensor) -> Tensor {
    let fits =
      type.rank == 2 && numbers.type.element == .int32
      && rows.type == TensorType(type.element, [numbers.type.elementCount, extents.last ?? 0])
    function.expect(fits, "scatter", "\(rows.type) at \(numbers.type) in \(type)")
    let scalar = TensorType(type.element)
    let sum = function.block([scalar, scalar]) { [$0[0] + $0[1]] }
    return function.emit(
      "\"stablehlo.scatter\"(\(name), \(numbers.name), \(rows.name)) <{scatter_dimension_numbers = "
        + "#stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], "
        + "scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}> (\(sum)) : "
        + "(\(type), \(numbers.type), \(rows.type)) -> \(type)", type)
  }
}

extension FunctionBuilder {
  /// Computes `body` for the numbers from one on and below another, beginning with some values.
  ///
  /// - Parameters:
  ///   - range: two scalars of `int32`, which the program may compute.
  ///   - body: makes the next values of the number and the values before it; their types stay.
  public func loop(
    _ range: (first: Tensor, end: Tensor), _ start: [Tensor],
    _ body: (_ number: Tensor, _ values: [Tensor]) -> [Tensor]
  ) -> [Tensor] {
    let operands = [range.first, range.end] + start
    let types = operands.map(\.type)
    let scalar = TensorType(.int32)
    expect(types[0] == scalar && types[1] == scalar, "while", "bounds \(types[0]) and \(types[1])")
    let condition = block(types) { [$0[0].compares(.less, to: $0[1])] }
    let turn = block(types) { values in
      let next = body(values[0], Array(values.dropFirst(2)))
      expect(next.map(\.type) == start.map(\.type), "while", "values change their types")
      return [values[0] + constant(1, scalar), values[1]] + next
    }
    return Array(loop(operands, condition, turn).dropFirst(2))
  }

  private func loop(_ operands: [Tensor], _ condition: String, _ turn: String) -> [Tensor] {
    let types = operands.map(\.type)
    let list = types.map(\.description).joined(separator: ", ")
    let names = operands.map(\.name).joined(separator: ", ")
    return emit(
      "\"stablehlo.while\"(\(names)) (\(condition), \(turn)) : (\(list)) -> (\(list))", types)
  }

  /// Computes `body` again and again, beginning with some values, as often as `count` says.
  ///
  /// - Parameter body: makes the next values of the number of the turn (a scalar of `int32`, from 0) and
  ///   the values before it; their types stay.
  public func loop(
    _ count: Int, _ start: [Tensor], _ body: (_ turn: Tensor, _ values: [Tensor]) -> [Tensor]
  ) -> [Tensor] {
    let scalar = TensorType(.int32)
    let zero = constant(0, scalar)
    let operands = [zero] + start
    let types = operands.map(\.type)
    let condition = block(types) { [$0[0].compares(.less, to: constant(count, scalar))] }
    let turn = block(types) { values in
      let next = body(values[0], Array(values.dropFirst()))
      expect(next.map(\.type) == start.map(\.type), "while", "values change their types")
      return [values[0] + constant(1, scalar)] + next
    }
    return Array(loop(operands, condition, turn).dropFirst())
  }
}
