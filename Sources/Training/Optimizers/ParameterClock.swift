// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What an optimizer keeps of a parameter beside its tensors.
public struct ParameterClock: Sendable, Hashable {
  /// The parameter's name.
  public var name: String
  /// Updates that the moments have seen.
  public var stepCount: Int
  /// Factor on the scheduled learning rate.
  public var learningRateMultiplier: Double
  /// Factor on AdamW's ε.
  public var epsilonMultiplier: Double
  /// Entries with a rate or a count of their own, by growths, the oldest first.
  public var newEntries: [NewEntries]

  /// A parameter's clock as its state has it.
  public init(name: String, _ state: ParameterState) {
    self.name = name
    stepCount = state.stepCount
    learningRateMultiplier = state.learningRateMultiplier
    epsilonMultiplier = state.epsilonMultiplier
    newEntries = state.newEntries
  }

  /// Checks that the numbers are possible, since they come from files.
  ///
  /// - Parameter shape: the parameter's.
  /// - Throws: ``TrainingError`` that names the parameter and what of it does not fit.
  func validate(_ shape: Shape) throws {
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
    for (index, mark) in newEntries.enumerated() {
      try mark.validate(shape, stepCount: stepCount, "\(name): newEntries[\(index)]")
    }
  }

  /// Makes a clock.
  package init(
    name: String, stepCount: Int, learningRateMultiplier: Double, epsilonMultiplier: Double,
    newEntries: [NewEntries] = []
  ) {
    self.name = name
    self.stepCount = stepCount
    self.learningRateMultiplier = learningRateMultiplier
    self.epsilonMultiplier = epsilonMultiplier
    self.newEntries = newEntries
  }
}

extension ParameterClock: Codable {
  private enum CodingKeys: String, CodingKey {
    case name, stepCount, learningRateMultiplier, epsilonMultiplier, newEntries
  }

  /// Reads a clock; none of the entries are new where the file does not say.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      name: try container.decode(String.self, forKey: .name),
      stepCount: try container.decode(Int.self, forKey: .stepCount),
      learningRateMultiplier: try container.decode(Double.self, forKey: .learningRateMultiplier),
      epsilonMultiplier: try container.decode(Double.self, forKey: .epsilonMultiplier),
      newEntries: try container.decodeIfPresent([NewEntries].self, forKey: .newEntries) ?? [])
  }

  /// Writes a clock, and new entries where there are any.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(stepCount, forKey: .stepCount)
    try container.encode(learningRateMultiplier, forKey: .learningRateMultiplier)
    try container.encode(epsilonMultiplier, forKey: .epsilonMultiplier)
    if !newEntries.isEmpty { try container.encode(newEntries, forKey: .newEntries) }
  }
}
