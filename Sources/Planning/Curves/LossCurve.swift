// SPDX-License-Identifier: Apache-2.0
import Wording

/// How floating-point operations were counted.
public enum ComputeCount: String, Sendable, Hashable, Codable, CaseIterable {
  /// 6 · N · tokens, N being the parameters without embeddings (Kaplan et al., arXiv 2001.08361).
  case sixN
  /// The products that the program executes: linear maps, attention and the head.
  case exactProgram

  /// The count in words.
  public var explanation: String {
    switch self {
    case .sixN: "6 · N · tokens, N without embeddings"
    case .exactProgram: "the executed program's products, attention and head included"
    }
  }
}

/// The validation loss of one model along its training.
public struct LossCurve: Sendable, Hashable {
  /// A measurement.
  public struct Point: Sendable, Hashable, Codable {
    /// Optimizer steps taken before it.
    public var step: Int
    /// Tokens trained on so far.
    public var tokens: Double
    /// Floating-point operations of training so far, by the curve's ``LossCurve/computeCount``.
    public var flops: Double
    /// Mean loss in nats per token.
    public var loss: Double

    /// Makes a point.
    public init(step: Int, tokens: Double, flops: Double, loss: Double) {
      self.step = step
      self.tokens = tokens
      self.flops = flops
      self.loss = loss
    }
  }

  /// The name in messages: a file or a run.
  public var name: String
  /// Parameters of the model without embeddings.
  public var parameterCount: Double
  /// How the points' operations were counted.
  public var computeCount: ComputeCount
  /// The measurements; steps and operations rise, losses are positive.
  public let points: [Point]

  /// Makes a curve, and checks it.
  ///
  /// - Throws: ``PlanningError`` of code `malformedCurve` naming the first point that does not fit.
  public init(
    name: String, parameterCount: Double, computeCount: ComputeCount, points: [Point]
  ) throws {
    self.name = name
    self.parameterCount = parameterCount
    self.computeCount = computeCount
    self.points = points
    try Self.checkParameterCount(parameterCount, name)
    guard points.count >= 2 else {
      throw PlanningError(
        .malformedCurve,
        "has \(counted(points.count, "point")); a curve needs at least 2",
        subject: name)
    }
    for (index, point) in points.enumerated() {
      let problem = Self.problem(of: point, after: index > 0 ? points[index - 1] : nil)
      if let problem {
        throw PlanningError(
          .malformedCurve, "at step \(point.step) \(problem)", subject: name)
      }
    }
  }

  static func checkParameterCount(_ count: Double, _ name: String) throws {
    guard count > 0, count <= 1e18 else {
      throw PlanningError(
        .invalidValue,
        "\(PlanningError.text(count)) parameters; expected a positive number without embeddings, at most 1e18",
        subject: name)
    }
  }

  /// What a point breaks of a curve's order; nil for a good one.
  static func problem(of point: Point, after last: Point?) -> String? {
    guard point.loss.isFinite, point.loss > 0 else {
      return "the loss is \(point.loss); expected a positive number of nats"
    }
    guard point.step > 0, point.flops.isFinite, point.flops > 0, point.tokens.isFinite else {
      return
        "the step is \(point.step) with \(point.flops) FLOPs; expected positive numbers (drop the "
        + "measurement before the first step)"
    }
    guard let last else { return nil }
    guard point.step > last.step, point.flops > last.flops else {
      return
        "step and compute do not rise (\(last.step) came before); cut what a resumed run "
        + "repeated, or sort the file by step"
    }
    return nil
  }

  /// The first point whose loss is no higher than `loss`; nil where the curve ends above it.
  public func firstPoint(reaching loss: Double) -> Point? { points.first { $0.loss <= loss } }

  /// The point whose loss is nearest to `loss`, of several equally near ones the first.
  ///
  /// - Returns: nil where the curve ends above the loss, farther than its last points lie apart.
  public func nearestPoint(to loss: Double) -> Point? {
    let lowest = points.map(\.loss).min() ?? .infinity
    let apart = points.suffix(2).map(\.loss)
    guard lowest <= loss || lowest - loss <= abs(apart[0] - apart[1]) else { return nil }
    return points.min { abs($0.loss - loss) < abs($1.loss - loss) }
  }
}
