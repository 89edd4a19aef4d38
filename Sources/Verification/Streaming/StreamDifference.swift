// SPDX-License-Identifier: Apache-2.0

/// How far a grown model's residual stream is from what its growth makes of the small model's, after
/// one block.
///
/// Each token's distance is relative to the norm of what it should be; the worst token counts. Units
/// whose values nothing tells are left out.
public struct StreamDifference: Sendable, Hashable, Codable {
  /// The grown model's block; nil before the first one: the embeddings.
  public var layer: Int?
  /// The small model's block that it comes from; nil for a new block, which adds nothing, and for the
  /// embeddings.
  public var smallLayer: Int?
  /// The error after the block's attention was added; nil for the embeddings.
  public var afterAttention: Double?
  /// The error after the whole block.
  public var afterBlock: Double
  /// The larger error of both places in float64; nil where nothing was computed in it.
  public var float64: Double?
  /// How far float32 carries the small model itself from float64 at these places, the larger of both.
  public var rounding: Double?

  /// Makes an error.
  public init(
    layer: Int? = nil, smallLayer: Int? = nil, afterAttention: Double? = nil, afterBlock: Double
  ) {
    self.layer = layer
    self.smallLayer = smallLayer
    self.afterAttention = afterAttention
    self.afterBlock = afterBlock
  }

  /// What was measured at one place.
  struct AtPoint {
    var float32: Double
    var float64: Double?
    var rounding: Double?
  }

  /// The embeddings' errors.
  init(after point: AtPoint) {
    self.init(afterBlock: point.float32)
    (float64, rounding) = (point.float64, point.rounding)
  }

  /// A block's errors.
  init(layer: Int, smallLayer: Int?, afterAttention middle: AtPoint, afterBlock end: AtPoint) {
    self.init(
      layer: layer, smallLayer: smallLayer, afterAttention: middle.float32,
      afterBlock: end.float32)
    float64 = Self.worseOfBoth(middle.float64, end.float64)
    rounding = Self.worseOfBoth(middle.rounding, end.rounding)
  }

  private static func worseOfBoth(_ a: Double?, _ b: Double?) -> Double? {
    a.flatMap { a in b.map { worse(a, $0) } }
  }

  /// The larger of both.
  public var worst: Double {
    afterAttention.map { worse($0, afterBlock) } ?? afterBlock
  }

  /// The block as a report names it: `layer 3`.
  public var name: String { layer.map { "layer \($0)" } ?? "embeddings" }

  /// Where the error first exceeds a bound: `layer 3, attention`; nil where it does not.
  public func place(beyond bound: Double) -> String? {
    if let afterAttention, !(afterAttention <= bound) { return "\(name), attention" }
    guard !(afterBlock <= bound) else { return nil }
    return layer == nil ? name : "\(name), feed-forward"
  }
}

extension [StreamDifference] {
  /// The worst first; of equal ones the lower.
  public var worstFirst: [StreamDifference] {
    sorted {
      let (left, right) = ($0.worst, $1.worst)
      if left.isNaN != right.isNaN { return left.isNaN }
      return left != right && !left.isNaN ? left > right : ($0.layer ?? -1) < ($1.layer ?? -1)
    }
  }

  /// Where the streams part: the first place, counted from the embeddings, whose error exceeds a
  /// bound; nil where none does.
  public func parting(beyond bound: Double) -> String? {
    sorted { ($0.layer ?? -1) < ($1.layer ?? -1) }.lazy
      .compactMap { $0.place(beyond: bound) }.first
  }
}
