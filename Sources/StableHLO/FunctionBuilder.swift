// SPDX-License-Identifier: Apache-2.0

/// Writes one function of StableHLO, operation by operation, as text in the form of single assignments.
///
/// Each operation checks the types that it is given. So that arithmetic reads like arithmetic, a mistake
/// does not throw where it is made: the first one is kept, and thrown when the text is asked for.
public final class FunctionBuilder {
  private struct Argument {
    var type: TensorType
    var output: Int?
  }

  private var arguments: [Argument] = []
  private var lines: [String] = []
  private var depth = 2
  private var nextNumber = 0
  private var constants: [String: Tensor] = [:]
  private var firstError: StableHLOError?

  /// An empty function.
  public init() {}

  /// The types of the arguments, in their order.
  public var argumentTypes: [TensorType] { arguments.map(\.type) }

  /// Adds an argument.
  public func argument(_ type: TensorType) -> Tensor {
    arguments.append(Argument(type: type))
    return Tensor(name: "%arg\(arguments.count - 1)", type: type, function: self)
  }

  /// Lets an output take over an argument's memory, which is lost to the caller.
  public func donate(_ argument: Tensor, to output: Int) {
    guard let index = arguments.indices.first(where: { "%arg\($0)" == argument.name }) else {
      return note(.foreignValue, "\(argument.name) is no argument", in: "donate")
    }
    arguments[index].output = output
  }

  /// The module with this function as its `main`.
  ///
  /// - Parameters:
  ///   - outputs: what the function returns.
  ///   - name: the module's name, which profiles show.
  /// - Throws: ``StableHLOError`` for the first operation that was given what it does not take.
  public func module(named name: String, returning outputs: [Tensor]) throws -> String {
    for argument in arguments {
      guard let output = argument.output else { continue }
      expect(
        outputs.indices.contains(output) && outputs[output].type == argument.type, "donate",
        "an argument \(argument.type) cannot become output \(output)")
    }
    expect(outputs.allSatisfy { $0.function === self }, "return", "a value of another function")
    if let firstError { throw firstError }
    let parameters = arguments.enumerated().map { index, argument in
      let alias = argument.output.map { " {tf.aliasing_output = \($0) : i32}" } ?? ""
      return "%arg\(index): \(argument.type)\(alias)"
    }
    let types = outputs.map(\.type.description).joined(separator: ", ")
    let head =
      "module @\(name) {\n  func.func public @main(\(parameters.joined(separator: ", ")))"
      + " -> (\(types)) {\n"
    let end = "    return \(outputs.map(\.name).joined(separator: ", ")) : \(types)\n  }\n}\n"
    return head + lines.joined(separator: "\n") + "\n" + end
  }
}

// MARK: What operations are written with

extension FunctionBuilder {
  /// Keeps the first mistake.
  func note(_ code: StableHLOError.Code, _ message: String, in operation: String) {
    if firstError == nil { firstError = StableHLOError(code, message, subject: operation) }
  }

  /// Keeps a mistake where a condition does not hold.
  func expect(
    _ condition: Bool, _ operation: String, _ message: @autoclosure () -> String
  ) {
    if !condition { note(.typeMismatch, message(), in: operation) }
  }

  /// Writes an operation of one result.
  ///
  /// - Parameters:
  ///   - text: what stands right of the equal sign, with the types behind it.
  ///   - type: the result's.
  func emit(_ text: String, _ type: TensorType) -> Tensor {
    let name = "%\(nextNumber)"
    nextNumber += 1
    write("\(name) = \(text)")
    return Tensor(name: name, type: type, function: self)
  }

  /// Writes an operation of several results.
  func emit(_ text: String, _ types: [TensorType]) -> [Tensor] {
    let name = "%\(nextNumber)"
    nextNumber += 1
    write("\(name):\(types.count) = \(text)")
    return types.enumerated().map {
      Tensor(name: "\(name)#\($0.offset)", type: $0.element, function: self)
    }
  }

  /// The same values, which compilers neither merge with others nor move before all of them are there.
  public func barrier(_ values: [Tensor]) -> [Tensor] {
    let types = values.map(\.type)
    return emit(
      "stablehlo.optimization_barrier \(values.map(\.name).joined(separator: ", ")) : "
        + types.map(\.description).joined(separator: ", "), types)
  }

  /// A constant of one number, written once for each block of operations.
  func constant(_ literal: String, _ type: TensorType) -> Tensor {
    let key = "\(literal) \(type)"
    if let known = constants[key] { return known }
    let made = emit("stablehlo.constant dense<\(literal)> : \(type)", type)
    constants[key] = made
    return made
  }

  /// The lines of a block with arguments of its own, `body`'s results being what it returns.
  func block(_ types: [TensorType], _ body: ([Tensor]) -> [Tensor]) -> String {
    let (outer, outerConstants) = (lines, constants)
    (lines, constants) = ([], [:])
    depth += 1
    let parameters = types.map { type in
      defer { nextNumber += 1 }
      return Tensor(name: "%\(nextNumber)", type: type, function: self)
    }
    let results = body(parameters)
    let names = results.map(\.name).joined(separator: ", ")
    write("stablehlo.return \(names) : \(results.map(\.type.description).joined(separator: ", "))")
    let inner = lines.joined(separator: "\n")
    depth -= 1
    (lines, constants) = (outer, outerConstants)
    let list = parameters.map { "\($0.name): \($0.type)" }.joined(separator: ", ")
    return "{\n\(indent)^bb0(\(list)):\n\(inner)\n\(indent)}"
  }

  private var indent: String { String(repeating: "  ", count: depth) }

  private func write(_ line: String) { lines.append(indent + line) }
}
