// SPDX-License-Identifier: Apache-2.0
import Foundation

extension SlopeDetector {
  /// ``LiteralSlopeDetector`` for a curve that is still growing: slopes whose mean of 5 is not
  /// complete yet wait, and the steepest slope is the steepest so far.
  struct LiteralState: Sendable, Hashable, Codable {
    /// A point that was kept.
    struct Entry: Sendable, Hashable, Codable {
      /// log10 C.
      var x: Double
      /// log10 L.
      var y: Double
    }

    /// The last points kept, at most six.
    var recent: [Entry] = []
    /// The last loss kept.
    var lastLoss: Double?
    /// The steepest slope so far.
    var steepest: Double?

    /// Takes a point.
    ///
    /// - Returns: the slope that has become complete; nil while none has.
    mutating func observe(flops: Double, loss: Double) -> Double? {
      if let lastLoss, loss > lastLoss * (1 + LiteralSlopeDetector.spikeShare) { return nil }
      lastLoss = loss
      recent.append(Entry(x: log10(flops), y: log10(loss)))
      let width = LiteralSlopeDetector.meanWidth
      if recent.count > width + 1 { recent.removeFirst() }
      guard recent.count == width + 1 else { return nil }
      let before = recent.prefix(width).reduce(0) { $0 + $1.y } / Double(width)
      let after = recent.suffix(width).reduce(0) { $0 + $1.y } / Double(width)
      let middle = width / 2
      return (after - before) / (recent[middle + 1].x - recent[middle].x)
    }
  }

  mutating func observeLiterally(flops: Double, loss: Double) -> SlopeVerdict {
    guard let slope = literal.observe(flops: flops, loss: loss) else {
      return SlopeVerdict(.gathering, estimate: nil)
    }
    let estimate = SlopeEstimate(slope: slope, low: slope, high: slope)
    let steepest = min(slope, literal.steepest ?? slope)
    literal.steepest = steepest
    guard slope > configuration.threshold, slope > steepest else {
      return SlopeVerdict(.steep, estimate: estimate)
    }
    return SlopeVerdict(.crossed, estimate: estimate)
  }
}
