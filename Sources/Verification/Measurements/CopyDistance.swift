// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Tensors
import Text
import Training

/// How far the copies of units of one space are from each other: ``Guarantee/symmetry``.
///
/// A unit is seen by how it answers: its incoming weights, summed over the copies of each input by the
/// factor on their activations. Noise that equal copies of an input cancel does not show there, so the
/// distance begins at 0 and grows only where training parts the copies.
public struct CopyDistance: Sendable, Hashable, Codable {
  /// The space of the units: `residual`, `query`, `key`, `value`, `feedForward`.
  public var space: String
  /// Pairs of copies, each counted for every tensor that writes to it.
  public var pairCount: Int
  /// The mean cosine distance of the pairs after the growth.
  public var atGrowth: Double
  /// The mean after the training steps.
  public var afterTraining: Double
  /// The smallest of any pair after the training steps.
  public var smallestAfterTraining: Double

  /// Trains a grown model and measures how its copies part.
  ///
  /// - Returns: one distance for each space with copies; none where the growths copy no unit.
  /// - Throws: the errors of the models.
  public static func measure(
    _ grown: any MeasuredModel, by path: GrowthPath, batches: [TokenBatch],
    training: MeasuredTraining, progress: () throws -> Void = {}
  ) throws -> [CopyDistance] {
    let tensors = path.tracedTensors.enumerated().filter { $1.hasCopies }
    guard !tensors.isEmpty else { return [] }
    func distances(_ values: [[Double]]) -> [String: [Double]] {
      tensors.reduce(into: [:]) { result, tensor in
        for (space, distance) in tensor.element.distances(values[tensor.offset]) {
          result[space, default: []].append(distance)
        }
      }
    }
    var run = try MeasuredRun(grown, training)
    let before = distances(try run.session.values())
    for batch in batches {
      try progress()
      _ = try run.step(batch)
    }
    let after = distances(try run.session.values())
    return before.keys.sorted().map { space in
      let (first, last) = (before[space] ?? [], after[space] ?? [])
      return CopyDistance(
        space: space, pairCount: first.count, atGrowth: mean(first), afterTraining: mean(last),
        smallestAfterTraining: MeasuredNumber.smallest(last.map { MeasuredNumber($0) })?.value ?? 0)
    }
  }

  /// The mean cosine distance of the copies in each space, for parameters as they stand.
  ///
  /// - Parameter values: float32, one for each parameter of the grown model.
  public static func means(of values: [HostTensor], by path: GrowthPath) -> [String: Double] {
    let pairs = zip(path.tracedTensors, values).flatMap { tensor, value in
      tensor.hasCopies ? tensor.distances(value.floats.map(Double.init)) : []
    }
    return Dictionary(grouping: pairs, by: \.space).mapValues { mean($0.map(\.distance)) }
  }

  static func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(max(1, values.count))
  }
}

extension TracedTensor {
  /// The axis that a product makes and the axis that it sums over; nil for vectors.
  private var outputAndInput: (output: Int, input: Int)? {
    guard spec.axes.count == 2,
      let output = spec.axes.firstIndex(where: { $0.direction == .output })
    else { return nil }
    return (output, 1 - output)
  }

  /// Whether the tensor writes to copies of a unit.
  var hasCopies: Bool { outputAndInput.map { !axes[$0.output].copies.isEmpty } ?? false }

  /// The cosine distance of every pair of copies, with its space.
  func distances(_ values: [Double]) -> [(space: String, distance: Double)] {
    guard let (output, input) = outputAndInput else { return [] }
    let spaces = spec.axes[output].units.map(\.space.name)
    return axes[output].copies.flatMap { copies in
      let answers = copies.map { answer(of: $0, values, output, input) }
      return answers.indices.flatMap { first in
        answers.indices[(first + 1)...].map { second in
          (spaces[copies[first]], cosineDistance(answers[first], answers[second]))
        }
      }
    }
  }

  /// A unit's weights, summed over the copies of each input.
  private func answer(of unit: Int, _ values: [Double], _ output: Int, _ input: Int) -> [Double] {
    let width = spec.axes[1].size
    let (unitStride, inputStride) = output == 0 ? (width, 1) : (1, width)
    let origins = axes[input].origins
    var result = [Double](repeating: 0, count: (origins.compactMap { $0 }.max() ?? -1) + 1)
    for (index, origin) in origins.enumerated() {
      guard let origin else { continue }
      result[origin] +=
        axes[input].forward[index] * values[unit * unitStride + index * inputStride]
    }
    return result
  }
}

/// 1 − cos, as half the squared distance of the unit vectors, which cancels nothing; 0 for two zeros, and
/// no number where a vector is not finite.
func cosineDistance(_ x: [Double], _ y: [Double]) -> Double {
  let norms = [x, y].map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
  if norms == [0, 0] { return 0 }
  guard norms.allSatisfy(\.isFinite) else { return .nan }
  guard norms[0] > 0, norms[1] > 0 else { return 1 }
  return zip(x, y).reduce(0) {
    let difference = $1.0 / norms[0] - $1.1 / norms[1]
    return $0 + difference * difference / 2
  }
}

extension ParameterSpec.Space {
  /// The stable name in reports.
  var name: String {
    switch self {
    case .vocabulary: "vocabulary"
    case .position: "position"
    case .residual: "residual"
    case .query: "query"
    case .key: "key"
    case .value: "value"
    case .attended: "attended"
    case .feedForward: "feedForward"
    case .headComponent: "headComponent"
    case .expert: "expert"
    }
  }
}
