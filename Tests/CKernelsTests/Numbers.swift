// SPDX-License-Identifier: Apache-2.0
import SeededRandom
import Tensors
import Testing

/// Floats that are uniform between −magnitude and magnitude.
func floats(_ count: Int, seed: Int, magnitude: Float = 1) -> [Float] {
  var generator = SplitMix64(seed: UInt64(truncatingIfNeeded: seed))
  return (0..<count).map { _ in Float.random(in: -magnitude...magnitude, using: &generator) }
}

func bits(_ values: [Float]) -> [UInt16] { values.map { BFloat16($0).bitPattern } }

func widened(_ bits: [UInt16]) -> [Float] { bits.map { Float(BFloat16(bitPattern: $0)) } }

func doubles(_ values: [Float]) -> [Double] { values.map(Double.init) }

/// The slope of f at x, as (f(x + h) − f(x − h)) / 2h.
func centralDifference(_ f: (Double) -> Double, at x: Double, step: Double = 1e-5) -> Double {
  (f(x + step) - f(x - step)) / (2 * step)
}

/// How far a result may be off: `relative` · max(|expected|, `scale`).
struct Tolerance {
  var relative: Double
  var scale = 1.0

  static let float32 = Tolerance(relative: 4e-7)
  /// Half a unit in the last place of a bfloat16, and what float32 arithmetic adds before it.
  static let bfloat16 = Tolerance(relative: 0x1p-8 + 1e-6, scale: 1e-4)
}

/// Records the worst element that is out of tolerance, if any.
func expectClose(
  _ actual: [Float], _ expected: [Double], _ tolerance: Tolerance = .float32,
  _ what: @autoclosure () -> String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == expected.count else {
    Issue.record(
      "\(what()): \(actual.count) values, expected \(expected.count)",
      sourceLocation: sourceLocation)
    return
  }
  var worst: (excess: Double, index: Int) = (1, -1)
  for (index, (a, e)) in zip(actual, expected).enumerated() {
    let allowed = tolerance.relative * max(abs(e), tolerance.scale)
    let agrees = Double(a) == e || (a.isNaN && e.isNaN)
    let excess = agrees ? 0 : abs(Double(a) - e) / allowed
    if excess.isNaN || excess > worst.excess { worst = (excess.isNaN ? .infinity : excess, index) }
  }
  if worst.index >= 0 {
    let message =
      "\(what()): element \(worst.index) is \(actual[worst.index]), expected "
      + "\(expected[worst.index]), \(worst.excess) times the tolerance"
    Issue.record("\(message)", sourceLocation: sourceLocation)
  }
}
