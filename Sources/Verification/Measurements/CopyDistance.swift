// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Tensors
import Text

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
  /// - Parameter small: the model before the growths: what is dead in it does not count.
  /// - Returns: one distance for each space with copies; none where the growths copy no unit.
  /// - Throws: the errors of the models.
  public static func measure(
    _ grown: any MeasuredModel, of small: any MeasuredModel, by path: GrowthPath,
    batches: [TokenBatch], training: MeasuredTraining
  ) throws -> [CopyDistance] {
    all(try CopyPair.measure(grown, of: small, by: path, batches: batches, training: training))
  }

  /// The distances of pairs, by space.
  static func all(_ pairs: [CopyPair]) -> [CopyDistance] {
    Dictionary(grouping: pairs, by: \.space).sorted { $0.key < $1.key }.map { space, pairs in
      CopyDistance(
        space: space, pairCount: pairs.count, atGrowth: mean(pairs.map(\.atGrowth)),
        afterTraining: mean(pairs.map(\.afterTraining)),
        smallestAfterTraining:
          MeasuredNumber.smallest(pairs.map { MeasuredNumber($0.afterTraining) })?.value ?? 0)
    }
  }

  /// The mean cosine distance of the copies in each space, for parameters as they stand.
  ///
  /// - Parameter values: float32, one for each parameter of the grown model.
  public static func means(of values: [HostTensor], by path: GrowthPath) -> [String: Double] {
    let pairs = zip(path.tracedTensors, values).flatMap { tensor, value -> [CopyPair] in
      guard tensor.hasCopies else { return [] }
      let floats = value.floats.map(Double.init)
      return tensor.pairs(floats, floats)
    }
    return Dictionary(grouping: pairs, by: \.space).mapValues { mean($0.map(\.atGrowth)) }
  }

  static func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(max(1, values.count))
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
