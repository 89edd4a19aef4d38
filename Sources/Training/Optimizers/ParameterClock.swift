// SPDX-License-Identifier: Apache-2.0
import Documents
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
        .invalidState, "\(stepCount) is not possible; expected a count from 0 on",
        subject: "\(name): stepCount")
    }
    for (key, multiplier) in [
      ("learningRateMultiplier", learningRateMultiplier), ("epsilonMultiplier", epsilonMultiplier),
    ] where !multiplier.isFinite || multiplier < 0 {
      throw TrainingError(
        .invalidState, "\(multiplier) is not possible; expected a number from 0 on",
        subject: "\(name): \(key)")
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

/// In files new entries are left out where there are none.
extension ParameterClock: FieldCoded {
  package init(_ fields: FieldCoder, of old: ParameterClock?) throws {
    self.init(
      name: try fields.required("name", old?.name),
      stepCount: try fields.required("stepCount", old?.stepCount),
      learningRateMultiplier: try fields.required(
        "learningRateMultiplier", old?.learningRateMultiplier),
      epsilonMultiplier: try fields.required("epsilonMultiplier", old?.epsilonMultiplier),
      newEntries: try fields.field("newEntries", old?.newEntries, default: []))
  }
}
