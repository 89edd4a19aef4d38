// SPDX-License-Identifier: Apache-2.0

/// What is measured of a growth.
public enum VerificationCheck: String, Sendable, Hashable, CaseIterable, Codable {
  /// Largest difference of logits, relative to the largest logit.
  case logits
  /// Largest relative difference of losses.
  case loss
  /// Largest relative error of a token's residual stream after any block that has a counterpart in the
  /// small model.
  case residual
  /// Largest relative error of a tensor's gradient against γ times the small model's.
  case gradients
  /// Largest relative error of what the optimizer keeps of a tensor (moments, momentum) against γ, or γ²,
  /// times the small model's.
  case moments
  /// Largest relative difference of losses along the optimizer's steps on equal batches.
  case trajectory
  /// Mean cosine distance between copies of a unit after training steps, in the space where it is
  /// smallest.
  case copyDistance
  /// Smallest cosine distance of any two copies after the same steps; only float64 can tell it from
  /// none.
  case closestCopies
  /// Tensors or units without a gradient in two steps.
  case deadParameters
  /// Largest departure from 1 of the first update's size, in learning rates, of a tensor without
  /// moments.
  case firstStep
  /// Largest relative difference of a tensor's values from those that the plans make in float64.
  case replay

  /// The guarantee that the check proves; nil for what must hold of every growth.
  public var guarantee: Guarantee? {
    switch self {
    case .logits, .loss, .residual: .loss
    case .gradients, .moments: .moments
    case .trajectory: .trajectory
    case .copyDistance, .closestCopies: .symmetry
    case .deadParameters: .liveness
    case .firstStep, .replay: nil
    }
  }

  /// Whether it compares what two models compute, which rounding changes.
  package var isRounded: Bool {
    switch self {
    case .logits, .loss, .residual, .gradients, .trajectory: true
    case .moments, .copyDistance, .closestCopies, .deadParameters, .firstStep, .replay: false
    }
  }
}

/// The arithmetic of a measurement.
public enum MeasuredArithmetic: String, Sendable, Hashable, CaseIterable, Codable {
  /// An engine in float32.
  case float32
  /// The reference engine, on parameters that were grown in float64.
  case float64
  /// The reference engine, on parameters that a file holds rounded.
  case float64OfFiles
}

/// What a measured number must be.
public struct VerificationBound: Sendable, Hashable, Codable {
  /// On which side of the bound the number must lie.
  public enum Relation: String, Sendable, Hashable, Codable {
    case atMost, moreThan
  }
  /// On which side of the bound the number must lie.
  public var relation: Relation
  /// The bound.
  public var value: Double

  /// Makes a bound.
  public init(relation: Relation, value: Double) {
    self.relation = relation
    self.value = value
  }

  package static func atMost(_ value: Double) -> Self { Self(relation: .atMost, value: value) }
  package static func moreThan(_ value: Double) -> Self { Self(relation: .moreThan, value: value) }

  /// Whether a number is where it must be; what is infinite or no number never is.
  public func admits(_ number: Double) -> Bool {
    guard number.isFinite else { return false }
    return switch relation {
    case .atMost: number <= value
    case .moreThan: number > value
    }
  }
}
