// SPDX-License-Identifier: Apache-2.0

/// What an optimizer keeps of a parameter beside its tensors.
public struct ParameterClock: Sendable, Hashable, Codable {
  /// The parameter's name.
  public var name: String
  /// Updates that the moments have seen.
  public var stepCount: Int
  /// Factor on the scheduled learning rate.
  public var learningRateMultiplier: Double
  /// Factor on AdamW's ε.
  public var epsilonMultiplier: Double

  /// A parameter's clock as its state has it.
  public init(name: String, _ state: ParameterState) {
    self.name = name
    stepCount = state.stepCount
    learningRateMultiplier = state.learningRateMultiplier
    epsilonMultiplier = state.epsilonMultiplier
  }

  /// Checks that the numbers are possible, since they come from files.
  ///
  /// - Throws: ``TrainingError`` of code `invalidState` that names the parameter.
  func validate() throws {
    guard TrainingStatus.counts.contains(stepCount) else {
      throw TrainingError(
        .invalidState, "a step count of \(stepCount) is not possible", subject: name)
    }
    for (what, multiplier) in [
      ("learning-rate", learningRateMultiplier), ("epsilon", epsilonMultiplier),
    ] where !multiplier.isFinite || multiplier < 0 {
      throw TrainingError(
        .invalidState,
        "\(what == "epsilon" ? "an" : "a") \(what) multiplier of \(multiplier) is not possible; "
          + "expected a number from 0 on", subject: name)
    }
  }

  /// Makes a clock.
  package init(
    name: String, stepCount: Int, learningRateMultiplier: Double, epsilonMultiplier: Double
  ) {
    self.name = name
    self.stepCount = stepCount
    self.learningRateMultiplier = learningRateMultiplier
    self.epsilonMultiplier = epsilonMultiplier
  }
}
