// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import GoldenModels
import ReferenceEngine
import Testing

/// Each operation's derivative against differences of its forward pass, relative to the norm.
@Suite("Derivatives of the operations") struct OperationTests {
  private let tolerance = 1e-9

  @Test("Norms", arguments: [Program.NormKind.layer, .rootMeanSquare])
  func norm(kind: Program.NormKind) {
    var draws = Draws(seed: 1)
    let x = draws.matrix(3, 7)
    let dy = draws.matrix(3, 7)
    let bias: [Double]? = kind == .layer ? draws.values(7) : nil
    let operation = NormOperation(kind: kind, epsilon: 0.01, gain: draws.values(7), bias: bias)
    let (dx, dgain, dbias) = operation.backward(x, dy)
    expect(dx.elements, x.elements) { dot(operation.forward(matrix($0, like: x)), dy) }
    expect(dgain, operation.gain) {
      dot(NormOperation(kind: kind, epsilon: 0.01, gain: $0, bias: bias).forward(x), dy)
    }
    expect(dbias, bias ?? draws.values(7)) {
      dot(
        NormOperation(kind: kind, epsilon: 0.01, gain: operation.gain, bias: $0).forward(x), dy)
    }
  }

  @Test("A layer-normed row has mean 0 and variance 1, a root-mean-squared one mean square 1")
  func normForward() {
    var draws = Draws(seed: 2)
    let x = draws.matrix(1, 64)
    let ones = [Double](repeating: 1, count: 64)
    let layer = NormOperation(kind: .layer, epsilon: 1e-12, gain: ones).forward(x).elements
    #expect(abs(layer.reduce(0, +)) < 1e-12)
    #expect(abs(layer.reduce(0) { $0 + $1 * $1 } - 64) < 1e-8)
    let root = NormOperation(kind: .rootMeanSquare, epsilon: 1e-12, gain: ones).forward(x)
    #expect(abs(dot(root, root) - 64) < 1e-8)
    #expect(relativeError(root.elements, x.elements) > 0.1)
  }

  @Test("Linear maps", arguments: [Program.WeightLayout.inputOutput, .outputInput])
  func linear(layout: Program.WeightLayout) {
    var draws = Draws(seed: 3)
    let x = draws.matrix(4, 5)
    let dy = draws.matrix(4, 3)
    func map(_ weight: [Double], _ bias: [Double]) -> LinearOperation {
      LinearOperation(weight: weight, layout: layout, bias: bias, outputWidth: 3)
    }
    let weight = draws.values(15)
    let bias = draws.values(3)
    let (dx, dweight, dbias) = map(weight, bias).backward(x, dy)
    expect(dx.elements, x.elements) { dot(map(weight, bias).forward(matrix($0, like: x)), dy) }
    expect(dweight, weight) { dot(map($0, bias).forward(x), dy) }
    expect(dbias, bias) { dot(map(weight, $0).forward(x), dy) }
  }

  @Test("The two layouts of a weight")
  func layouts() {
    let x = Matrix([1, 10], rowCount: 1, columnCount: 2)
    let inputOutput = LinearOperation(
      weight: [1, 2, 3, 4, 5, 6], layout: .inputOutput, outputWidth: 3)
    let outputInput = LinearOperation(
      weight: [1, 2, 3, 4, 5, 6], layout: .outputInput, outputWidth: 3)
    #expect(inputOutput.forward(x).elements == [41, 52, 63])
    #expect(outputInput.forward(x).elements == [21, 43, 65])
  }

  @Test("Embeddings")
  func embeddings() {
    var draws = Draws(seed: 4)
    let table = draws.values(15)
    let tokens: [Int32] = [4, 0, 4, 2]
    let dy = draws.matrix(4, 3)
    var dtable = [Double](repeating: 0, count: 15)
    EmbeddingOperation.backward(dy, tokens: tokens, tableGradient: &dtable)
    expect(dtable, table) {
      dot(EmbeddingOperation.forward(table: $0, width: 3, tokens: tokens), dy)
    }

    let positions = draws.values(9)
    let x = draws.matrix(4, 3)
    var dpositions = [Double](repeating: 0, count: 9)
    PositionEmbeddingOperation.backward(dy, length: 2, tableGradient: &dpositions)
    expect(dpositions, positions) {
      dot(PositionEmbeddingOperation.forward(x, table: $0, length: 2), dy)
    }
  }

  @Test(
    "Rotary",
    arguments: [
      RotaryEmbedding.Scaling.none, .linear(factor: 2),
      .llama3(
        factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 12),
    ])
  func rotary(scaling: RotaryEmbedding.Scaling) {
    var draws = Draws(seed: 5)
    let x = draws.matrix(6, 10)
    let dy = draws.matrix(6, 10)
    let operation = RotaryOperation(
      embedding: RotaryEmbedding(base: 50, scaling: scaling), headSize: 4, columns: 2..<10,
      length: 3)
    expect(operation.backward(dy).elements, x.elements) {
      dot(operation.forward(matrix($0, like: x)), dy)
    }
    let y = operation.forward(x)
    #expect(abs(dot(y, y) - dot(x, x)) < 1e-12)
    #expect(y.columns(from: 0, width: 2) == x.columns(from: 0, width: 2))
    #expect((0..<10).allSatisfy { y[3, $0] == x[3, $0] })  // position 0 of the second sequence
  }

  @Test("Attention", arguments: [true, false])
  func attention(causal: Bool) {
    var draws = Draws(seed: 6)
    let (q, k, v) = (draws.matrix(6, 8), draws.matrix(6, 4), draws.matrix(6, 4))
    let dout = draws.matrix(6, 8)
    let operation = AttentionOperation(
      headCount: 4, keyValueHeadCount: 2, headSize: 2, causal: causal, scale: 0.9, length: 3,
      mask: { $0 % 3 == 0 ? 0 : 1.5 })
    let (dq, dk, dv) = operation.backward(q, k, v, dout)
    expect(dq.elements, q.elements) { dot(operation.forward(matrix($0, like: q), k, v), dout) }
    expect(dk.elements, k.elements) { dot(operation.forward(q, matrix($0, like: k), v), dout) }
    expect(dv.elements, v.elements) { dot(operation.forward(q, k, matrix($0, like: v)), dout) }
  }

  @Test("Grouped key/value heads are repeated heads")
  func groupedHeads() {
    var draws = Draws(seed: 7)
    let (q, k, v) = (draws.matrix(5, 8), draws.matrix(5, 4), draws.matrix(5, 4))
    func repeated(_ x: Matrix) -> Matrix {
      var result = Matrix(zeros: 5, 8)
      for (place, head) in [0, 0, 1, 1].enumerated() {
        result.add(x.columns(from: 2 * head, width: 2), atColumn: 2 * place)
      }
      return result
    }
    func heads(_ keyValueHeads: Int) -> AttentionOperation {
      AttentionOperation(
        headCount: 4, keyValueHeadCount: keyValueHeads, headSize: 2, causal: true, scale: 1,
        length: 5)
    }
    #expect(heads(2).forward(q, k, v) == heads(4).forward(q, repeated(k), repeated(v)))
  }

  @Test("Activations", arguments: [Program.ActivationKind.geluTanh, .gelu, .silu])
  func activation(kind: Program.ActivationKind) {
    var draws = Draws(seed: 8)
    let x = draws.matrix(4, 5).map { 4 * $0 }
    let dy = draws.matrix(4, 5)
    expect(ActivationOperation.backward(kind, x, dy).elements, x.elements) {
      dot(ActivationOperation.forward(kind, matrix($0, like: x)), dy)
    }
  }

  @Test("Activations at 1, from the definitions to ten digits")
  func activationValues() {
    #expect(abs(ActivationOperation.value(.gelu, 1) - 0.8413447461) < 1e-10)
    #expect(abs(ActivationOperation.value(.geluTanh, 1) - 0.8411919906) < 1e-10)
    #expect(abs(ActivationOperation.value(.silu, 1) - 0.7310585786) < 1e-10)
  }

  @Test("Cross-entropy leaves targets of −1 out")
  func crossEntropy() {
    var draws = Draws(seed: 9)
    let logits = draws.matrix(4, 5).map { 3 * $0 }
    let targets: [Int32] = [0, -1, 4, 2]
    let gradient = CrossEntropyOperation.backward(logits, targets: targets, normalizer: 3)
    expect(gradient.elements, logits.elements) {
      CrossEntropyOperation.forward(matrix($0, like: logits), targets: targets) / 3
    }
    #expect((0..<5).allSatisfy { gradient[1, $0] == 0 })
    let even = Matrix(zeros: 2, 5)
    #expect(abs(CrossEntropyOperation.forward(even, targets: [3, -1]) - log(5)) < 1e-15)
  }

  private func matrix(_ elements: [Double], like other: Matrix) -> Matrix {
    Matrix(elements, rowCount: other.rowCount, columnCount: other.columnCount)
  }

  private func expect(
    _ analytic: [Double], _ x: [Double], sourceLocation: SourceLocation = #_sourceLocation,
    of function: ([Double]) -> Double
  ) {
    let error = relativeError(analytic, numericalGradient(x, of: function))
    #expect(error < tolerance, sourceLocation: sourceLocation)
  }
}
