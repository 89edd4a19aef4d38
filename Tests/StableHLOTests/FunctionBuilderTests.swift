// SPDX-License-Identifier: Apache-2.0
import StableHLO
import Testing

@Suite("StableHLO") struct FunctionBuilderTests {
  private let matrix = TensorType(.float32, [2, 3])

  private func text(
    _ types: [TensorType], _ body: ([Tensor]) -> [Tensor]
  ) throws -> [String] {
    let function = FunctionBuilder()
    let module = try function.module(
      named: "test", returning: body(types.map { function.argument($0) }))
    return module.split(separator: "\n").map { $0.trimmingPrefix(while: \.isWhitespace) }
      .map(String.init)
  }

  @Test("A module, word by word")
  func module() throws {
    let function = FunctionBuilder()
    let (x, y) = (function.argument(matrix), function.argument(matrix))
    function.donate(y, to: 0)
    let sum = x + y * 0.5
    #expect(
      try function.module(named: "sum", returning: [sum]) == """
        module @sum {
          func.func public @main(%arg0: tensor<2x3xf32>, %arg1: tensor<2x3xf32> \
        {tf.aliasing_output = 0 : i32}) -> (tensor<2x3xf32>) {
            %0 = stablehlo.constant dense<0.5> : tensor<2x3xf32>
            %1 = stablehlo.multiply %arg1, %0 : tensor<2x3xf32>
            %2 = stablehlo.add %arg0, %1 : tensor<2x3xf32>
            return %2 : tensor<2x3xf32>
          }
        }

        """)
  }

  @Test("Results have the shapes that follow from the operands'")
  func shapes() {
    let function = FunctionBuilder()
    let x = function.argument(TensorType(.float32, [4, 2, 3]))
    #expect(x.transposed([2, 0, 1]).extents == [3, 4, 2])
    #expect(x.reshaped(to: [8, 3]).extents == [8, 3])
    #expect(x.sum(over: [0, 2]).extents == [2])
    #expect(x.slice(1..<3, axis: 0).extents == [2, 2, 3])
    #expect(x.padded(before: 1, after: 2, axis: 1).extents == [4, 5, 3])
    #expect(Tensor.concatenating([x, x], axis: 2).extents == [4, 2, 6])
    let product = x.product(x, .init(batch: [(0, 0)], summed: [(2, 2)]))
    #expect(product.type == TensorType(.float32, [4, 2, 2]))
    let narrow = x.converted(to: .bfloat16)
    #expect(narrow.product(narrow, .init(summed: [(2, 2)])).type.element == .float32)
    #expect(x.compares(.less, to: x).type == TensorType(.boolean, [4, 2, 3]))
  }

  @Test("Numbers as MLIR reads them")
  func numbers() throws {
    let scalar = TensorType(.float32)
    let cases: [(Double, String)] = [
      (1e-5, "1.0e-05"), (0.1, "0.1"), (-2, "-2.0"), (16_777_216, "16777216.0"),
      (-.infinity, "0xFF800000"), (1e30, "1.0e+30"),
    ]
    for (number, literal) in cases {
      let lines = try text([scalar]) { [$0[0] + number] }
      #expect(lines[2] == "%0 = stablehlo.constant dense<\(literal)> : tensor<f32>")
    }
    let wide = try text([TensorType(.float64)]) { [$0[0] + .infinity] }
    #expect(wide[2].contains("0x7FF0000000000000"))
  }

  @Test("A constant is written once")
  func constants() throws {
    let lines = try text([matrix]) { [$0[0] * 2 + $0[0] * 2] }
    #expect(lines.count { $0.contains("stablehlo.constant") } == 1)
  }

  /// What an operation must not be given.
  struct Mistake: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var make: @Sendable (Tensor) -> Tensor

    init(_ operation: String, _ make: @escaping @Sendable (Tensor) -> Tensor) {
      (testDescription, self.make) = (operation, make)
    }
  }

  static let mistakes = [
    Mistake("add") { $0 + $0.transposed([1, 0]) },
    Mistake("reshape") { $0.reshaped(to: [7]) },
    Mistake("transpose") { $0.transposed([0, 0]) },
    Mistake("broadcast_in_dim") { $0.broadcast(to: [3, 2], axes: [0, 1]) },
    Mistake("slice") { $0.slice(1..<4, axis: 1) },
    Mistake("dynamic_slice") { $0.slice(at: $0, count: 1, axis: 0) },
    Mistake("dynamic_update_slice") {
      $0.replacing($0.transposed([1, 0]), at: $0.function.constant(0, TensorType(.int32)), axis: 0)
    },
    Mistake("concatenate") { Tensor.concatenating([$0, $0.transposed([1, 0])], axis: 0) },
    Mistake("pad") { $0.padded(after: 1, axis: 2) },
    Mistake("dot_general") { $0.product($0, .init(summed: [(1, 0)])) },
    Mistake("reduce") { $0.sum(over: [2]) },
    Mistake("gather") { $0.rows($0) },
    Mistake("scatter") { $0.adding($0, at: $0) },
    Mistake("compare") { $0.compares(.less, to: $0.converted(to: .int32)) },
    Mistake("select") { $0.selecting($0, otherwise: $0) },
    Mistake("while") { $0.function.loop(2, [$0]) { [$1[0].transposed([1, 0])] }[0] },
    Mistake("iota") { $0.function.iota(TensorType(.int32, [2]), axis: 1) },
    Mistake("constant") { $0.function.constant(0.5, TensorType(.int32)) },
  ]

  @Test("The first operation that does not fit is named, with its types", arguments: mistakes)
  func refused(_ mistake: Mistake) throws {
    let function = FunctionBuilder()
    let made = mistake.make(function.argument(matrix))
    // What comes later is not what is wrong.
    let later = made + function.argument(TensorType(.float64))
    let error = #expect(throws: StableHLOError.self) {
      try function.module(named: "test", returning: [later])
    }
    #expect(error?.subject == mistake.testDescription)
    #expect(error?.message.isEmpty == false)
  }

  @Test("An output that cannot take over an argument's memory")
  func donation() throws {
    let function = FunctionBuilder()
    let x = function.argument(matrix)
    function.donate(x, to: 0)
    #expect(throws: StableHLOError.self) {
      try function.module(named: "test", returning: [x.sum(over: [0])])
    }
  }

  @Test("Loops carry values of the same types")
  func loop() throws {
    let lines = try text([matrix]) { arguments in
      arguments[0].function.loop(3, arguments) { _, values in [values[0] * 2] }
    }
    #expect(lines.contains { $0.contains("\"stablehlo.while\"(%0, %arg0)") })
    #expect(lines.count { $0.contains("stablehlo.return") } == 2)
  }
}
