// SPDX-License-Identifier: Apache-2.0

/// What a growth promises of the grown model; the test suite proves every promise.
public enum Guarantee: String, Sendable, Hashable, CaseIterable, Codable {
  /// Every logit equals the small model's on every input, and so does the loss.
  case loss
  /// The gradient of every mapped entry is the declared multiple γ of the small model's, so that
  /// moments multiplied by γ and γ² are what Adam would hold, had it trained the grown model.
  case moments
  /// With the growth's learning-rate multipliers and no active clip, the next AdamW steps give the
  /// small model's losses.
  case trajectory
  /// No two units stay copies of each other in training.
  case symmetry
  /// Every parameter gets a gradient within two steps, or one step after the small model's all have one.
  case liveness
}

/// The guarantees of one growth, or those that several in a row share.
public typealias Guarantees = Set<Guarantee>
