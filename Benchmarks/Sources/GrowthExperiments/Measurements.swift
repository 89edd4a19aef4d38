// SPDX-License-Identifier: Apache-2.0
import Foundation

/// One line of an experiment's results.
struct Measurement: Decodable {
  var run: String
  var seed: UInt64
  var step: Int
  var tokens: Int?
  var flops: Double?
  var loss: Double?
  var distances: [String: Double]?
}

/// A measured loss curve of one run and seed, in steps.
struct Curve {
  var steps: [Double]
  var losses: [Double]

  /// The losses with neighbours averaged, so that a single evaluation's noise matters less.
  var smoothed: [Double] {
    losses.indices.map { index in
      let window = losses[max(0, index - 2)...min(losses.count - 1, index + 2)]
      return window.reduce(0, +) / Double(window.count)
    }
  }

  /// The step at which the smoothed loss first comes down to a value, interpolated; nil where it
  /// never does.
  func step(reaching loss: Double) -> Double? {
    let smoothed = smoothed
    guard let index = smoothed.firstIndex(where: { $0 <= loss }) else { return nil }
    guard index > 0 else { return steps[0] }
    let (above, below) = (smoothed[index - 1], smoothed[index])
    let share = (above - loss) / (above - below)
    return steps[index - 1] + share * (steps[index] - steps[index - 1])
  }

  /// The measured loss at a step, interpolated; nil beyond the ends.
  func loss(at step: Double) -> Double? {
    guard let index = steps.firstIndex(where: { $0 >= step }), steps[0] <= step else { return nil }
    guard index > 0 else { return losses[0] }
    let share = (step - steps[index - 1]) / (steps[index] - steps[index - 1])
    return losses[index - 1] + share * (losses[index] - losses[index - 1])
  }

  /// The part of the curve from a step on.
  func from(_ step: Double) -> Curve {
    let first = steps.firstIndex { $0 >= step } ?? steps.count
    return Curve(steps: Array(steps[first...]), losses: Array(losses[first...]))
  }
}

/// All results of an experiment.
struct Measurements {
  private(set) var all: [Measurement] = []

  /// Reads lines of JSON.
  init(_ url: URL) throws {
    all = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map {
      try JSONDecoder().decode(Measurement.self, from: Data($0.utf8))
    }
  }

  /// The seeds of a run.
  func seeds(of run: String) -> [UInt64] { Set(all.filter { $0.run == run }.map(\.seed)).sorted() }

  /// The losses of a run; a step measured twice counts as measured last.
  func curve(_ run: String, _ seed: UInt64) -> Curve {
    let losses = all.filter { $0.run == run && $0.seed == seed }
      .reduce(into: [Int: Double]()) { $0[$1.step] = $1.loss ?? $0[$1.step] }
    let steps = losses.keys.sorted()
    return Curve(steps: steps.map(Double.init), losses: steps.compactMap { losses[$0] })
  }

  /// Floating-point operations of training by step, the small model's included.
  func operations(_ run: String, _ seed: UInt64) -> [Int: Double] {
    all.filter { $0.run == run && $0.seed == seed }
      .reduce(into: [:]) { $0[$1.step] = $1.flops ?? $0[$1.step] }
  }

  /// The mean distance of copies in all spaces, by step.
  func distances(_ run: String, _ seed: UInt64) -> [(step: Int, distance: Double)] {
    all.filter { $0.run == run && $0.seed == seed }.compactMap { measurement in
      measurement.distances.map { distances in
        (measurement.step, distances.values.reduce(0, +) / Double(max(1, distances.count)))
      }
    }
  }
}

/// Mean and range over seeds.
struct Spread: CustomStringConvertible {
  var mean: Double
  var low: Double
  var high: Double
  var count: Int
  var digits = 2

  /// Nil for no values.
  init?(_ values: [Double], digits: Int = 2) {
    guard let low = values.min(), let high = values.max() else { return nil }
    mean = values.reduce(0, +) / Double(values.count)
    (self.low, self.high, count, self.digits) = (low, high, values.count, digits)
  }

  var description: String {
    let text = { (value: Double) in String(format: "%.\(digits)f", value) }
    return "\(text(mean)) (\(text(low)) – \(text(high)))"
  }
}
