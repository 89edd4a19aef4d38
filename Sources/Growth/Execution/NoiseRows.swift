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

  /// Gives the noise of one row of the grown tensor to `body`; nil for none.
  func withRow(_ row: Int, _ outer: AxisMap.Run?, _ body: (inout Row?) -> Void) {
    guard let outer, case .indices(let first) = outer.source else {
      var none: Row?
      return body(&none)
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: sourceLength) { drawn in
      drawn.initialize(repeating: 0)
      var noise: Row? = Row(
        rows: self, copy: outer.copy, first: (first + row - outer.start) * sourceLength,
        drawn: drawn)
      body(&noise)
    }
  }

  /// The noise of one row, drawn when it is asked for.
  struct Row {
    fileprivate let rows: NoiseRows
    /// Which copy of the source's row this is.
    fileprivate let copy: Int
    /// The number of the source row's first element.
    fileprivate let first: Int
    fileprivate let drawn: UnsafeMutableBufferPointer<Float>
    fileprivate var isDrawn = false

    /// The noise of a run of columns, of variance 1, and its standard deviation with the sign; nil
    /// for none.
    mutating func noise(of run: AxisMap.Run) -> (UnsafePointer<Float>, deviation: Double)? {
      guard case .indices(let column) = run.source, let base = drawn.baseAddress else { return nil }
      let (input, output) = rows.rowsAreInputs ? (copy, run.copy) : (run.copy, copy)
      let sign = rows.noise.sign(input: input, output: output)
      guard sign != 0 else { return nil }
      if rows.rowsAreInputs {
        draw(column..<column + run.count, ofCopy: output)
      } else if !isDrawn {
        // All copies of the inputs take the same noise, with one sign or the other.
        draw(0..<drawn.count, ofCopy: output)
        isDrawn = true
      }
      return (UnsafePointer(base) + column, sign * rows.standardDeviation)
    }

    private func draw(_ columns: Range<Int>, ofCopy output: Int) {
      rows.stream.draw(
        from: output * rows.sourceCount + first + columns.lowerBound,
        into: UnsafeMutableBufferPointer(rebasing: drawn[columns]))
    }
  }
}
