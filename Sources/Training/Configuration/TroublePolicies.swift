// SPDX-License-Identifier: Apache-2.0

/// What a run does about a loss or a gradient that is out of order.
public enum TroubleAction: String, Sendable, Hashable, CaseIterable, Codable {
  /// Ends with an error; nothing is changed or saved.
  case stop
  /// Leaves the batch out: the parameters stay, the data go on. What no other batch mends, a
  /// validation loss or weights that are not finite, stops the run.
  case skip
  /// Goes back to the newest good checkpoint and leaves out all batches since.
  case rollback

  /// How often in a row a run may skip, or go back to the same checkpoint, before it stops: what so
  /// many batches have in common is not a bad batch.
  public static let limit = 10
}

extension TrainingConfiguration {
  /// What is done where the loss of a step is a multiple of what it has been.
  public struct SpikePolicy: Sendable, Hashable, Codable {
    /// The multiple of the window's mean loss that is a spike.
    public var factor: Double
    /// Steps before it whose losses are averaged; until there are as many, nothing is a spike.
    public var window: Int
    /// What is done.
    public var action: TroubleAction

    /// Windows that a state can hold.
    public static let windows = 1...10000

    /// Makes a policy.
    public init(factor: Double = 2, window: Int = 50, action: TroubleAction) {
      self.factor = factor
      self.window = window
      self.action = action
    }

    /// Checks the numbers; errors name `key`.
    public func validate(_ key: String = "onSpike") throws {
      try TrainingError.check(
        factor.isFinite && factor > 1, "\(key).factor", "\(factor) is not above 1")
      try TrainingError.check(
        Self.windows.contains(window), "\(key).window",
        "\(window) is outside 1 to \(Self.windows.upperBound) steps")
    }

    /// The largest loss after these that is no spike; nil while they are too few.
    func limit(after losses: [Double]) -> Double? {
      guard losses.count >= window else { return nil }
      return factor * losses.suffix(window).reduce(0, +) / Double(window)
    }
  }

  /// Whether a state may have to be gone back to.
  var rollsBack: Bool { onNonFinite == .rollback || onSpike?.action == .rollback }
}
