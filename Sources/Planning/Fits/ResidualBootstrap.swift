// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Curves as they might have come out as well: the fitted ones with other residuals.
///
/// What a run lies above or below the law as a whole is a draw of its own, as wide as the runs'
/// means differ beyond what their points explain. Around it, residuals are an autoregression of
/// order one where neighbours resemble each other, whose innovations are drawn with replacement (a
/// sieve bootstrap: Bühlmann, Bernoulli 1997), scaled up for the parameters that the fit took.
struct ResidualBootstrap {
  private let samples: [LawModel.Sample]
  private let fitted: [Double]
  private let runCount: Int
  private let correlation: Double
  private let innovations: [Double]
  private let runDeviation: Double

  /// Prepares draws.
  ///
  /// - Parameters:
  ///   - residuals: ln L(N, S) − ln L, in the order of the samples.
  ///   - sizeParameters: how many parameters the runs' levels alone determine.
  init(
    samples: [LawModel.Sample], residuals: [Double], runCount: Int, parameterCount: Int,
    sizeParameters: Int
  ) {
    self.samples = samples
    self.runCount = runCount
    fitted = zip(samples, residuals).map { $0.y + $1 }
    var groups = [[Double]](repeating: [], count: runCount)
    for (sample, residual) in zip(samples, residuals) { groups[sample.run].append(-residual) }
    let means = groups.map { $0.reduce(0, +) / Double(max(1, $0.count)) }
    let runs = zip(groups, means).map { group, mean in group.map { $0 - mean } }
    let correlation = Self.correlation(runs)
    self.correlation = correlation
    let memory = (1 + correlation) / (1 - correlation)
    let count = Double(samples.count)
    let lost = min(Double(parameterCount) * memory, count / 2)
    innovations = Self.innovations(runs, correlation, scale: (count / (count - lost)).squareRoot())
    runDeviation = Self.runDeviation(
      means, within: runs, memory: memory, freedom: runCount - sizeParameters)
  }

  /// A draw's ln L in the order of the samples.
  func draw(_ random: inout RandomStream) -> [Double] {
    let offsets = (0..<runCount).map { _ in runDeviation * random.nextNormal() }
    let stationary = 1 / (1 - correlation * correlation).squareRoot()
    var noise = 0.0
    return samples.indices.map { index in
      let innovation = innovations[random.next(below: innovations.count)]
      let isFirst = index == 0 || samples[index - 1].run != samples[index].run
      noise = isFirst ? stationary * innovation : correlation * noise + innovation
      return fitted[index] + offsets[samples[index].run] + noise
    }
  }

  /// The correlation of neighbours over all runs, without its bias in short ones (Kendall 1954);
  /// zero where it does not go beyond chance.
  private static func correlation(_ runs: [[Double]]) -> Double {
    var products = 0.0
    var squares = 0.0
    for run in runs {
      for index in run.indices.dropFirst() { products += run[index] * run[index - 1] }
      squares += run.reduce(0) { $0 + $1 * $1 }
    }
    let count = Double(runs.reduce(0) { $0 + $1.count })
    let raw = squares > 0 ? products / squares : 0
    guard raw > 2 / count.squareRoot() else { return 0 }
    return min(0.9, raw + (1 + 3 * raw) * Double(runs.count) / count)
  }

  private static func innovations(
    _ runs: [[Double]], _ correlation: Double, scale: Double
  ) -> [Double] {
    let values = runs.flatMap { run in
      run.indices.dropFirst(correlation > 0 ? 1 : 0).map { index in
        index > 0 ? run[index] - correlation * run[index - 1] : run[index]
      }
    }
    let mean = values.reduce(0, +) / Double(max(1, values.count))
    return values.map { scale * ($0 - mean) }
  }

  /// The deviation of runs' levels beyond what the residuals within them make of it.
  private static func runDeviation(
    _ means: [Double], within runs: [[Double]], memory: Double, freedom: Int
  ) -> Double {
    guard freedom > 0 else { return 0 }
    let between = means.reduce(0) { $0 + $1 * $1 } / Double(freedom)
    let expected = runs.reduce(0.0) { sum, run in
      let count = Double(run.count)
      let variance = run.reduce(0) { $0 + $1 * $1 } / max(1, count - 1)
      return sum + memory * variance / max(1, count) / Double(runs.count)
    }
    return max(0, between - expected).squareRoot()
  }
}
