// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import GoldenModels
import Interpretation
import OperationCases
import Testing
import Text
import Training

/// Each operation's derivative against differences of its forward pass, relative to the norm; products
/// and attention also against plain loops.
@Suite("Operations") struct OperationTests {
  private static let (input, output) = (SingleOperation.input, SingleOperation.output)
  @Test("No operation is left out") func cases() {
    #expect(OperationCase.attentions.count == 6 && OperationCase.mixtures.count == 2)
    #expect(OperationCase.mixtures.allSatisfy { $0.model.parameters.count == 12 })
  }

  /// Nothing where both are zero: an expert that no token takes has no gradient.
  private func distance(_ found: [some BinaryFloatingPoint], _ expected: [Double]) -> Double {
    if zip(found, expected).allSatisfy({ $0 == 0 && $1 == 0 }) { return 0 }
    return relativeError(found, expected)
  }

  private static let key = DropoutKey(seed: 3, step: 5, microBatch: 1)

  @Test("Every gradient by finite differences", arguments: OperationCase.all)
  func gradients(_ test: OperationCase) throws {
    let gradients = try test.model.gradients(dropoutKey: Self.key)
    for (index, gradient) in gradients.enumerated() {
      let numerical = try numericalGradient(test.model.parameters[index]) {
        var moved = test.model.parameters
        moved[index] = $0
        return try ReferenceModel(program: test.model.program, parameters: moved)
          .loss(test.model.batch, dropoutKey: Self.key).mean
      }
      #expect(distance(gradient, numerical) < 1e-9, "parameter \(index)")
    }
  }

  @Test("Blocks, chunks and float32 change nothing but rounding", arguments: OperationCase.all)
  func pieces(_ test: OperationCase) throws {
    let whole = try test.model.forward()
    #expect(relativeError(try test.model.forward(threads: 2, block: 7, queries: 2), whole) < 1e-14)
    #expect(relativeError(try test.model.forward(Float.self, block: 7), whole) < 1e-6)
    let gradients = try test.model.gradients()
    for (gradient, pieces) in zip(gradients, try test.model.gradients(block: 7, queries: 2)) {
      #expect(distance(pieces, gradient) < 1e-13)
    }
    for (gradient, single) in zip(gradients, try test.model.gradients(Float.self)) {
      #expect(distance(single, gradient) < 1e-5)
    }
  }

  @Test("Products are those of plain loops", arguments: Program.WeightLayout.allCases, [3, 40])
  func linear(_ layout: Program.WeightLayout, _ outputs: Int) throws {
    let model = SingleOperation(
      width: 37, outputWidth: outputs,
      shapes: [layout == .inputOutput ? [37, outputs] : [outputs, 37], [outputs]],
      operations: [
        .linear(
          input: Self.input, weight: 1, layout: layout, bias: 2, output: Self.output)
      ])
    let expected = Naive.linear(
      model.x, model.parameters[1], layout, bias: model.parameters[2], inputs: 37,
      outputs: outputs)
    for block in [1 << 20, 100] {
      #expect(relativeError(try model.forward(threads: 2, block: block), expected) < 1e-14)
    }
  }

  @Test("Attention is that of plain loops", arguments: [true, false], [nil, 1, 3])
  func attention(causal: Bool, window: Int?) throws {
    let attention = try #require(OperationCase.attention(4, 2, causal: causal, window: window))
    let model = SingleOperation(
      width: 16, outputWidth: 8, length: 5, targets: [Int32](repeating: 1, count: 10),
      operations: [.attention(attention)])
    let expected = Naive.attention(attention, model.x, width: 16, length: 5)
    for queries in [1, 2, 256] {
      #expect(relativeError(try model.forward(threads: 2, queries: queries), expected) < 1e-14)
    }
  }

  @Test("A layer-normed row has mean 0 and variance 1, a root-mean-squared one mean square 1")
  func normForward() throws {
    func normed(_ kind: Program.NormKind) throws -> (x: [Double], y: [Double]) {
      let model = SingleOperation(
        width: 64, outputWidth: 64, length: 1, targets: [0],
        operations: [
          .norm(
            kind, epsilon: 1e-12, input: Self.input, gain: nil, bias: nil, output: Self.output)
        ])
      return (model.x, try model.forward())
    }
    let (_, layer) = try normed(.layer)
    #expect(abs(layer.reduce(0, +)) < 1e-12)
    #expect(abs(layer.reduce(0) { $0 + $1 * $1 } - 64) < 1e-8)
    let (x, root) = try normed(.rootMeanSquare)
    #expect(abs(root.reduce(0) { $0 + $1 * $1 } - 64) < 1e-8)
    #expect(relativeError(root, x) > 0.1)
  }

  @Test("The two layouts of a weight")
  func layouts() throws {
    for (layout, expected) in [
      (Program.WeightLayout.inputOutput, [41.0, 52, 63]), (.outputInput, [21, 43, 65]),
    ] {
      var model = SingleOperation(
        width: 2, outputWidth: 3, shapes: [layout == .inputOutput ? [2, 3] : [3, 2]], length: 1,
        targets: [0],
        operations: [
          .linear(
            input: Self.input, weight: 1, layout: layout, bias: nil, output: Self.output)
        ])
      model.set([1, 10])
      model.parameters[1] = [1, 2, 3, 4, 5, 6]
      #expect(try model.forward() == expected)
    }
  }

  @Test(
    "A turn keeps norms, position 0 and the columns outside its slice",
    arguments: OperationCase.turns)
  func rotary(_ test: OperationCase) throws {
    let (x, y) = (test.model.x, try test.model.forward())
    #expect(abs(zip(x, y).reduce(0) { $0 + $1.0 * $1.0 - $1.1 * $1.1 }) < 1e-12)
    for row in 0..<6 { #expect(x[10 * row..<10 * row + 2] == y[10 * row..<10 * row + 2]) }
    // Position 0 of the second sequence.
    #expect(x[30..<40] == y[30..<40])
    #expect(x[40..<50] != y[40..<50])
  }

  @Test("Grouped key/value heads are repeated heads")
  func groupedHeads() throws {
    func output(_ x: [Double]?, width: Int, keyHeads: Int) throws -> (x: [Double], y: [Double]) {
      let attention = try #require(OperationCase.attention(4, keyHeads, causal: true))
      var model = SingleOperation(
        width: width, outputWidth: 8, operations: [.attention(attention)])
      if let x { model.set(x) }
      return (model.x, try model.forward())
    }
    let (x, grouped) = try output(nil, width: 16, keyHeads: 2)
    let columns = Array(0..<8) + [8, 9, 8, 9, 10, 11, 10, 11, 12, 13, 12, 13, 14, 15, 14, 15]
    let repeated = (0..<6).flatMap { row in columns.map { x[16 * row + $0] } }
    #expect(try output(repeated, width: 24, keyHeads: 4).y == grouped)
  }

  @Test("Activations at 1, from the definitions to ten digits")
  func activationValues() {
    #expect(abs(Program.ActivationKind.gelu.value(1) - 0.8413447461) < 1e-10)
    #expect(abs(Program.ActivationKind.geluTanh.value(1) - 0.8411919906) < 1e-10)
    #expect(abs(Program.ActivationKind.silu.value(1) - 0.7310585786) < 1e-10)
  }

  @Test("Cross-entropy leaves targets of −1 out, and is log V where all are alike")
  func crossEntropy() throws {
    var model = SingleOperation(
      width: 3, outputWidth: 3, length: 2, targets: [3, -1, -1, 0],
      operations: [.scale(1, input: Self.input, output: Self.output)])
    // The rows without a target have no gradient.
    let table = try model.gradients()[0]
    let silent = [model.batch.inputs[1], model.batch.inputs[2]].map { Int($0) }
    for row in 0..<4 {
      #expect(table[3 * row..<3 * row + 3].allSatisfy { $0 == 0 } == silent.contains(row))
    }
    model.set([Double](repeating: 0, count: 12))
    let loss = try ReferenceModel(program: model.program, parameters: model.parameters)
      .loss(model.batch)
    #expect(abs(loss.total - 2 * log(4)) < 2e-15 && loss.targetCount == 2)
  }
}
