// SPDX-License-Identifier: Apache-2.0
import Growth

extension GuaranteeTolerances {
  /// The bound of a check on files of some type; nil where the arithmetic does not measure it.
  ///
  /// Where rounding may send tokens to other experts, float32 tells nothing; float64 and the files' values do.
  ///
  /// Where the files' type rounds what the growth makes, what is computed of the files may differ by
  /// a multiple of what the same rounding does to the small model (``FileRounding/cost``), and values by
  /// half of their last place, or, since noise is chosen by the weights' digits, four times that.
  public static func bound(
    _ check: VerificationCheck, _ arithmetic: MeasuredArithmetic, rounding: FileRounding?,
    modelRounding: ModelRounding? = nil
  ) -> VerificationBound? {
    guard var bound = bound(check, arithmetic) else { return nil }
    var allowances = [modelRounding?.bound(check, arithmetic)]
    if let rounding, arithmetic != .float64 {
      if check == .replay {
        // Noise is chosen by the weights' digits, and rounding may have changed those.
        allowances.append((rounding.isExact ? 1 : 4) * rounding.unitRoundoff)
      } else if check.isRounded, !rounding.isExact {
        if rounding.choosesExperts == true { return nil }
        allowances.append(rounding.bound(check))
      }
    }
    // A measurement that is infinite or no number allows nothing.
    for case let allowance? in allowances where allowance.isFinite && allowance > bound.value {
      bound.value = allowance
    }
    return bound
  }

  /// Why a number that is not within the table's bound proves nothing; nil where it proves something.
  static func doubt(
    of number: MeasuredNumber, _ check: VerificationCheck, _ arithmetic: MeasuredArithmetic,
    rounding: FileRounding?, modelRounding: ModelRounding?
  ) -> String? {
    if let doubt = number.doubt { return doubt }
    guard check.isRounded, number.value.isFinite, let strict = bound(check, arithmetic),
      !strict.admits(number.value),
      let bound = bound(check, arithmetic, rounding: rounding, modelRounding: modelRounding)
    else { return nil }
    guard modelRounding?.own(check, arithmetic) != nil || arithmetic == .float64 else {
      return "only float64 tells it from rounding"
    }
    return bound.value > ModelRounding.largestBound
      ? "rounding alone may change it by as much" : nil
  }
}
