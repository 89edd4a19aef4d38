// SPDX-License-Identifier: Apache-2.0

/// How far a grown model may be from what its growth declares: the one table.
///
/// The numbers are what the project promises, and are never loosened so that a growth passes. float32
/// rounds to 6e-8 and whole models add up to about 1e-6; float64 rounds to 1e-16. Where rounding carries
/// the small model itself further than that, which the prover measures, a grown model may differ by a
/// multiple of it, as long as that still tells a mistake.
public enum GuaranteeTolerances {
  /// The mean distance of copies that have parted.
  package static let partedCopies = VerificationBound.moreThan(1e-9)
  /// The distance of two copies that are not the same, in float64.
  package static let differentCopies = VerificationBound.moreThan(1e-20)

  /// The bound of the mean loss of held-out batches across a growth in the middle of a run, relative, in
  /// float32: ten times the check's, since nobody measures there how far rounding carries the small model.
  package static let lossInRun = VerificationBound.atMost(1e-5)

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
    case (.copyDistance, _): partedCopies
    case (.closestCopies, .float64): differentCopies
    case (.closestCopies, .float32), (.closestCopies, .float64OfFiles): nil

    case (.deadParameters, _): .atMost(0)

    case (.firstStep, .float32): .atMost(1e-9)
    case (.firstStep, .float64), (.firstStep, .float64OfFiles): nil

    case (.replay, .float32): .atMost(1e-6)
    case (.replay, .float64), (.replay, .float64OfFiles): nil
    }
  }
}
