// SPDX-License-Identifier: Apache-2.0

/// How far a grown model may be from what its growth declares: the one table.
///
/// The numbers are what the project promises, and are never loosened so that a growth passes. float32
/// rounds to 6e-8 and whole models add up to about 1e-6; float64 rounds to 1e-16. Where a model's own
/// float32 results are further than that from its float64 ones, which is measured
/// (``ModelRounding``), float32 can tell no more; float64 still does. AdamW divides gradients by their
/// own size, which lets rounding of the smallest ones grow along a trajectory.
public enum GuaranteeTolerances {
  /// The bound of a check on files of some type; nil where the arithmetic does not measure it.
  ///
  /// Where rounding may send tokens to other experts, float32 tells nothing; float64 and the files' values do.
  ///
  /// Where the files' type rounds what the growth makes, what is computed of the files may differ by
  /// that (``FileRounding/bound``), and values by half of their last place, or, since noise is chosen by
  /// the weights' digits, four times that.
  public static func bound(
    _ check: VerificationCheck, _ arithmetic: MeasuredArithmetic, rounding: FileRounding?,
    modelRounding: ModelRounding? = nil
  ) -> VerificationBound? {
    guard var strict = bound(check, arithmetic), arithmetic != .float64 else {
      return bound(check, arithmetic)
    }
    // A measurement that is infinite or no number allows nothing.
    if let own = modelRounding?.bound(check), own.isFinite, own > strict.value {
      strict.value = own
    }
    guard let rounding else { return strict }
    switch check {
    case .replay:
      // Noise is chosen by the weights' digits, and rounding may have changed those.
      let factor = rounding.isExact ? 1.0 : 4.0
      return .atMost(max(strict.value, factor * rounding.unitRoundoff))
    case .logits, .loss, .residual, .gradients, .trajectory:
      if rounding.isExact { return strict }
      return rounding.choosesExperts == true
        ? nil : .atMost(max(strict.value, rounding.bound))
    case .moments, .copyDistance, .closestCopies, .deadParameters, .firstStep: return strict
    }
  }

  /// The bound of a check on files of float32; nil where the arithmetic does not measure it.
  public static func bound(
    _ check: VerificationCheck, _ arithmetic: MeasuredArithmetic
  ) -> VerificationBound? {
    switch (check, arithmetic) {
    case (.logits, .float32): .atMost(1e-5)
    case (.logits, .float64): .atMost(1e-12)
    // The files' own rounding is float32's.
    case (.logits, .float64OfFiles): .atMost(1e-5)

    case (.loss, .float32): .atMost(1e-6)
    case (.loss, .float64): .atMost(1e-12)
    case (.loss, .float64OfFiles): .atMost(1e-6)

    case (.residual, .float32): .atMost(1e-5)
    case (.residual, .float64): .atMost(1e-12)
    case (.residual, .float64OfFiles): nil

    case (.gradients, .float32): .atMost(1e-4)
    case (.gradients, .float64): .atMost(1e-10)
    case (.gradients, .float64OfFiles): .atMost(1e-4)

    // Moments are multiplied and nothing else: a few units of float32's last place.
    case (.moments, .float32): .atMost(1e-6)
    case (.moments, .float64), (.moments, .float64OfFiles): nil

    case (.trajectory, .float32), (.trajectory, .float64OfFiles): .atMost(1e-5)
    case (.trajectory, .float64): .atMost(1e-9)

    // Copies that rounding alone parts are 1e-14 from each other in float32, 1e-30 in float64.
    case (.copyDistance, _): .moreThan(1e-9)
    case (.closestCopies, .float64): .moreThan(1e-20)
    case (.closestCopies, .float32), (.closestCopies, .float64OfFiles): nil

    case (.deadParameters, _): .atMost(0)

    case (.firstStep, .float32): .atMost(1e-9)
    case (.firstStep, .float64), (.firstStep, .float64OfFiles): nil

    case (.replay, .float32): .atMost(1e-6)
    case (.replay, .float64), (.replay, .float64OfFiles): nil
    }
  }
}
