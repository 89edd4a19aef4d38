// SPDX-License-Identifier: Apache-2.0

/// How far a run has come, in each measure.
public struct TrainingProgress: Sendable, Hashable, Codable {
  /// Optimizer steps taken.
  public var steps: Int
  /// Input tokens trained on.
  public var tokens: Int
  /// Floating-point operations spent on training steps.
  public var floatingPointOperations: Double
  /// Wall time of the training loop with its evaluations and checkpoints, in seconds, over all
  /// sessions of the run.
  public var seconds: Double

  /// Makes a progress; by default the start of a run.
  public init(
    steps: Int = 0, tokens: Int = 0, floatingPointOperations: Double = 0, seconds: Double = 0
  ) {
    self.steps = steps
    self.tokens = tokens
    self.floatingPointOperations = floatingPointOperations
    self.seconds = seconds
  }

  /// The progress in one measure.
  public func amount(_ measure: TrainingDuration.Measure) -> Double {
    switch measure {
    case .steps: Double(steps)
    case .tokens: Double(tokens)
    case .floatingPointOperations: floatingPointOperations
    case .seconds: seconds
    }
  }

  /// The sum, measure by measure.
  public static func + (left: Self, right: Self) -> Self {
    TrainingProgress(
      steps: left.steps + right.steps, tokens: left.tokens + right.tokens,
      floatingPointOperations: left.floatingPointOperations + right.floatingPointOperations,
      seconds: left.seconds + right.seconds)
  }

  /// The difference, measure by measure.
  public static func - (left: Self, right: Self) -> Self {
    TrainingProgress(
      steps: left.steps - right.steps, tokens: left.tokens - right.tokens,
      floatingPointOperations: left.floatingPointOperations - right.floatingPointOperations,
      seconds: left.seconds - right.seconds)
  }
}
