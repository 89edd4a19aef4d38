// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Chooses the next token: temperature, then the likeliest `topK`, then the likeliest that hold
/// `topP` of what is left, then a draw.
///
/// Among equally likely tokens the one with the lowest id goes first. The choice depends on the
/// logits and the draw alone.
public struct Sampler: Sendable, Hashable {
  /// What logits are divided by; 0 always takes the likeliest token.
  public var temperature: Double
  /// How many of the likeliest tokens can be drawn; nil for all.
  public var topK: Int?
  /// Only the fewest likeliest tokens whose probabilities reach this can be drawn (nucleus
  /// sampling; Holtzman et al., arXiv 1904.09751); nil or 1 for all.
  public var topP: Double?

  /// Makes a sampler.
  ///
  /// - Throws: ``EvaluationError`` of code `invalidConfiguration` for a temperature that is negative
  ///   or not finite, a `topK` below 1, or a `topP` outside 0 < p ≤ 1.
  public init(temperature: Double = 1, topK: Int? = nil, topP: Double? = nil) throws {
    func check(_ condition: Bool, named name: String, value: Any, expected: String) throws {
      guard !condition else { return }
      throw EvaluationError(
        .invalidConfiguration, "is \(value); expected \(expected)", subject: name)
    }
    try check(
      temperature >= 0 && temperature.isFinite, named: "temperature", value: temperature,
      expected: "a number of at least 0, 0 being greedy")
    if let topK { try check(topK > 0, named: "top-k", value: topK, expected: "at least 1") }
    if let topP {
      try check(
        topP > 0 && topP <= 1, named: "top-p", value: topP, expected: "more than 0, at most 1")
    }
    self.init(uncheckedTemperature: temperature, topK: topK, topP: topP)
  }

  private init(uncheckedTemperature: Double, topK: Int?, topP: Double?) {
    temperature = uncheckedTemperature
    self.topK = topK
    self.topP = topP
  }

  /// Always the likeliest token.
  public static let greedy = Sampler(uncheckedTemperature: 0, topK: nil, topP: nil)

  /// The token that a draw chooses.
  ///
  /// - Parameters:
  ///   - logits: one for each token; −∞ for tokens that cannot come.
  ///   - draw: 0 ..< 1, uniform.
  /// - Throws: ``EvaluationError`` of code `nonFiniteLogits` where a logit is NaN or +∞, or none is
  ///   finite.
  public func token(from logits: [Float], draw: Double) throws -> Int32 {
    let greedy = try Self.greedyToken(logits)
    guard temperature > 0, topK != 1 else { return Int32(greedy) }
    let (candidates, weights) = candidates(logits, largest: logits[greedy])
    return Int32(Self.choose(candidates, weights, draw))
  }

  /// The tokens that can be drawn, by ascending id, with their probabilities.
  ///
  /// - Throws: as ``token(from:draw:)`` does.
  public func probabilities(
    from logits: [Float]
  ) throws -> [(token: Int32, probability: Double)] {
    let greedy = try Self.greedyToken(logits)
    guard temperature > 0, topK != 1 else { return [(Int32(greedy), 1)] }
    let (candidates, weights) = candidates(logits, largest: logits[greedy])
    let total = weights.reduce(0, +)
    return zip(candidates, weights).map { (Int32($0), $1 / total) }
  }

  /// What can be drawn, by ascending id, with weights that need not add up to 1.
  private func candidates(_ logits: [Float], largest: Float) -> ([Int], [Double]) {
    var candidates = topK.map { Self.likeliest($0, of: logits) } ?? Array(logits.indices)
    var weights = candidates.map { exp((Double(logits[$0]) - Double(largest)) / temperature) }
    if let topP, topP < 1 {
      Self.keepNucleus(holding: topP, of: &candidates, weights: &weights, logits: logits)
    }
    return (candidates, weights)
  }

  /// The lowest id of the largest logit.
  private static func greedyToken(_ logits: [Float]) throws -> Int {
    var best = 0
    for index in logits.indices {
      guard logits[index] < .infinity else {
        throw EvaluationError(
          .nonFiniteLogits,
          "is \(logits[index]); expected a finite number or −∞. The model's weights are damaged, or "
            + "its training diverged: take an earlier checkpoint", subject: "logit \(index)")
      }
      if logits[index] > logits[best] { best = index }
    }
    guard !logits.isEmpty, logits[best].isFinite else {
      throw EvaluationError(
        .nonFiniteLogits, "none is finite; expected one for each token", subject: "logits")
    }
    return best
  }

  /// Ids of the `count` largest logits, in ascending order.
  private static func likeliest(_ count: Int, of logits: [Float]) -> [Int] {
    guard count < logits.count else { return Array(logits.indices) }
    // The best so far, likeliest first; of equals the one that came first stays ahead.
    var best: [Int] = []
    best.reserveCapacity(count + 1)
    for index in logits.indices {
      if best.count == count, let last = best.last, logits[index] <= logits[last] { continue }
      let place = best.partitioningIndex { logits[$0] < logits[index] }
      best.insert(index, at: place)
      if best.count > count { best.removeLast() }
    }
    return best.sorted()
  }

  /// Keeps the fewest likeliest candidates whose weights reach `share` of the total.
  private static func keepNucleus(
    holding share: Double, of candidates: inout [Int], weights: inout [Double], logits: [Float]
  ) {
    let total = weights.reduce(0, +)
    // Candidates below this hold less than 1 − share even together, so the nucleus needs none.
    let floor = 0.5 * (1 - share) * total / Double(weights.count)
    let places = weights.indices.filter { weights[$0] >= floor }.sorted {
      let (left, right) = (logits[candidates[$0]], logits[candidates[$1]])
      return left == right ? candidates[$0] < candidates[$1] : left > right
    }
    var reached = 0.0
    var count = 0
    while count < places.count, count == 0 || reached < share * total {
      reached += weights[places[count]]
      count += 1
    }
    let kept = places[..<count].sorted()
    candidates = kept.map { candidates[$0] }
    weights = kept.map { weights[$0] }
  }

  /// The candidate in whose part of the total, laid end to end, the draw falls.
  private static func choose(_ candidates: [Int], _ weights: [Double], _ draw: Double) -> Int {
    let place = draw * weights.reduce(0, +)
    var reached = 0.0
    for (candidate, weight) in zip(candidates, weights) {
      reached += weight
      if place < reached { return candidate }
    }
    // Rounding can leave the place at the very end: the last candidate that has a weight.
    let last = weights.lastIndex { $0 > 0 } ?? 0
    return candidates[last]
  }
}

extension Array {
  /// The first index whose element satisfies a predicate that holds from some index on.
  fileprivate func partitioningIndex(where predicate: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if predicate(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
