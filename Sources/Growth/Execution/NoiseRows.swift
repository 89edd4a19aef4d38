// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors

/// Cancelling noise of one tensor, row by row.
///
/// The noise N(h) of output copy h is numbered as the small tensor's elements are, one copy after the
/// other, so that any row can be drawn by itself.
struct NoiseRows<Scalar: GrowthScalar>: Sendable {
  private let noise: CancellingNoise
  private let standardDeviation: Double
  private let stream: GaussianStream
  private let rowsAreInputs: Bool
  private let sourceLength: Int
  private let sourceCount: Int

  /// Nil where the tensor gets no noise.
  init?(_ growth: TensorGrowth, source: TensorRows<Scalar>, seed: UInt64) {
    guard let noise = growth.noise, growth.axes.count == 2 else { return nil }
    self.noise = noise
    standardDeviation = noise.standardDeviation(rootMeanSquare: source.rootMeanSquare())
    stream = GaussianStream(seed: seed, name: "cancelling noise of " + growth.target.name)
    rowsAreInputs = growth.target.axes[0].direction == .input
    sourceLength = source.length
    sourceCount = source.count * source.length
  }

  /// The noise of a run of columns of one row; nil for none.
  func run(row: Int, outer: AxisMap.Run?, run: AxisMap.Run) -> NoiseRun? {
    guard let outer, case .indices(let firstRow) = outer.source,
      case .indices(let firstColumn) = run.source
    else { return nil }
    let (input, output) =
      rowsAreInputs ? (outer.copy, run.copy) : (run.copy, outer.copy)
    let sign = noise.sign(input: input, output: output)
    guard sign != 0 else { return nil }
    let sourceRow = firstRow + row - outer.start
    return NoiseRun(
      stream: stream, deviation: sign * standardDeviation,
      first: output * sourceCount + sourceRow * sourceLength + firstColumn)
  }
}
