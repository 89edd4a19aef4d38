// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Interpretation
import LinearAlgebra
import Tensors
import Text
import Training

/// The smallest model around some operations: an embedding gives them their input, so that it is a
/// parameter like any other, and a head gives them a loss.
package struct SingleOperation {
  /// The operations' input and output.
  package static let (input, output) = (0, 1)
  package let program: Program
  /// The embedding's table, the operations' parameters from number 1 on, and the head's weight.
  package var parameters: [[Double]]
  package var batch: TokenBatch

  /// - Parameters:
  ///   - shapes: of the operations' parameters.
  ///   - targets: one for each token; sequences are `length` long.
  package init(
    width: Int, outputWidth: Int, shapes: [Shape] = [], length: Int = 3,
    targets: [Int32] = [1, 0, -1, 4, 2, 2], seed: UInt64 = 1, operations: [Program.Operation]
  ) {
    let vocabulary = targets.count
    let all = [[vocabulary, width]] + shapes + [[vocabulary, outputWidth]]
    let specs = all.enumerated().map { index, shape in
      ParameterSpec(
        name: "parameter \(index)", role: .weight(.query),
        axes: shape.extents.map { .init(.output, .residual, $0) }, initializer: .zeros)
    }
    program = Program(
      family: "single", contextLength: length, parameters: specs,
      widths: [width, outputWidth],
      operations: [.embedding(table: 0, output: Self.input)] + operations + [
        .head(input: Self.output, weight: all.count - 1, scale: 1.5)
      ])
    var draws = Draws(seed: seed)
    parameters = specs.map { draws.values($0.shape.elementCount) }
    batch = TokenBatch(
      sequenceCount: vocabulary / length, sequenceLength: length,
      inputs: (0..<Int32(vocabulary)).reversed(), targets: targets)
  }

  /// The operations' input, row-major.
  package var x: [Double] {
    let width = program.widths[Self.input]
    return batch.inputs.flatMap { parameters[0][Int($0) * width..<(Int($0) + 1) * width] }
  }

  package mutating func set(_ x: [Double]) {
    let width = program.widths[Self.input]
    for (row, token) in batch.inputs.enumerated() {
      parameters[0].replaceSubrange(
        Int(token) * width..<(Int(token) + 1) * width, with: x[row * width..<(row + 1) * width])
    }
  }

  /// The operations' output, in blocks and chunks of some sizes.
  package func forward<Scalar: InterpretedScalar>(
    _ type: Scalar.Type = Double.self, threads: Int = 1, block: Int? = nil, queries: Int? = nil
  ) throws -> [Scalar] {
    let pass = try Interpreter(
      program, parameters: MemoryParameters(parameters.map { $0.map { Scalar($0) } }), batch: batch,
      arithmetic: MatrixArithmetic(threads: threads))
    if let block { pass.blockElementCount = block }
    if let queries { pass.queriesAtOnce = queries }
    try pass.runToHead()
    return try pass.value(Self.output).elements
  }

  /// The gradients of the mean loss by all parameters.
  package func gradients<Scalar: InterpretedScalar>(
    _ type: Scalar.Type = Double.self, block: Int? = nil, queries: Int? = nil,
    dropoutKey: DropoutKey? = nil
  ) throws -> [[Scalar]] {
    let pass = try Interpreter(
      program, parameters: MemoryParameters(parameters.map { $0.map { Scalar($0) } }), batch: batch,
      arithmetic: MatrixArithmetic(threads: 2), keepsValues: true, dropoutKey: dropoutKey)
    if let block { pass.blockElementCount = block }
    if let queries { pass.queriesAtOnce = queries }
    try pass.runToHead()
    try pass.runBackward(
      pass.logits(of: 0..<program.vocabularySize), normalizer: Double(batch.targetCount))
    return pass.parameterGradients
  }
}

/// Plain loops, which the interpreter's products are checked with.
package enum Naive {
  /// y = x W + b.
  package static func linear(
    _ x: [Double], _ weight: [Double], _ layout: Program.WeightLayout, bias: [Double]?,
    inputs: Int, outputs: Int
  ) -> [Double] {
    (0..<x.count / inputs).flatMap { row in
      (0..<outputs).map { output in
        (0..<inputs).reduce(bias?[output] ?? 0) { sum, input in
          let place = layout == .inputOutput ? input * outputs + output : output * inputs + input
          return sum + x[row * inputs + input] * weight[place]
        }
      }
    }
  }

  /// Scaled dot-product attention of each sequence and head.
  package static func attention(
    _ a: Program.AttentionOperation, _ x: [Double], width: Int, length: Int
  ) -> [Double] {
    var result = [Double](repeating: 0, count: x.count / width * a.headCount * a.headSize)
    for row in 0..<x.count / width {
      let (first, position) = (row / length * length, row % length)
      for head in 0..<a.headCount {
        let keyHead = head / (a.headCount / a.keyValueHeadCount)
        func element(_ row: Int, _ slice: Program.Slice, _ head: Int, _ c: Int) -> Double {
          x[row * width + slice.offset + head * a.headSize + c]
        }
        let end = a.causal ? position + 1 : length
        let start = a.window.map { max(0, end - $0) } ?? 0
        let scores = (start..<end).map { key in
          (0..<a.headSize).reduce(0.0) {
            $0 + element(row, a.query, head, $1) * element(first + key, a.key, keyHead, $1)
          } * a.scale
        }
        let weights = softmax(scores)
        for c in 0..<a.headSize {
          let sum = (start..<end).reduce(0.0) {
            $0 + weights[$1 - start] * element(first + $1, a.value, keyHead, c)
          }
          result[(row * a.headCount + head) * a.headSize + c] = sum
        }
      }
    }
    return result
  }

  package static func softmax(_ scores: [Double]) -> [Double] {
    let largest = scores.max() ?? 0
    let powers = scores.map { exp($0 - largest) }
    return powers.map { $0 / powers.reduce(0, +) }
  }
}
