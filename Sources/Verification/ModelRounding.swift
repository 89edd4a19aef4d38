// SPDX-License-Identifier: Apache-2.0
import Growth

/// How far rounding carries a model's own results from what they would be without, on some tokens.
///
/// Trained models multiply rounding: their largest units are thousands of times the others, and each
/// layer passes errors on. AdamW divides gradients by their own size, so that those that are but rounding
/// make steps as large as any. Nothing that is computed of a grown model can be nearer to the small model
/// than that model is to itself.
public struct ModelRounding: Sendable, Hashable, Codable {
  /// The largest difference of logits, relative to the largest logit.
  public var logits: Double
  /// The relative difference of losses, or what the tokens' differences amount to in the mean.
  public var loss: Double
  /// The largest relative error of a token's residual stream; nil where no stream was looked at.
  public var residual: Double?
  /// The largest relative error of a tensor's gradient; nil where the table's bound did without.
  public var gradients: Double?
  /// The largest relative difference of losses along training between float32 and float64, of the grown
  /// model as it should be; nil where the table's bound did without.
  public var trajectory: Double?
  /// The same in float64, between that model and itself with each parameter changed in its last place.
  public var exactTrajectory: Double?

  /// Makes a measurement.
  public init(logits: Double, loss: Double, residual: Double? = nil) {
    self.logits = logits
    self.loss = loss
    self.residual = residual
  }

  /// How many times its own rounding a growth may differ.
  ///
  /// A grown model's weights are rounded once more, its sums are longer, and noise between copies
  /// hands on what rounding has parted them by. A published model of 30 layers was seen to need 8
  /// with noise of 10 dB; stronger noise multiplies differences layer by layer, and breaks the bound.
  public static let tolerance = 16.0

  /// The largest bound that tells anything: mistakes change numbers by as much as themselves, and where
  /// rounding may change them by more than a quarter, nothing is proved.
  public static let largestBound = 0.25

  /// How much less float64 rounds than float32.
  private static let float64Share = Double.ulpOfOne / Double(Float.ulpOfOne)

  /// What rounding does to the small model; nil for checks that it was not measured for.
  func own(_ check: VerificationCheck, _ arithmetic: MeasuredArithmetic) -> Double? {
    let float32: Double? =
      switch check {
      case .logits: logits
      case .loss: loss
      case .residual: residual
      case .gradients: gradients
      case .trajectory: trajectory
      default: nil
      }
    guard arithmetic == .float64 else { return float32 }
    // Steps multiply differences until they are as large as the numbers.
    return check == .trajectory ? exactTrajectory : float32.map { $0 * Self.float64Share }
  }

  /// What rounding alone may do to a check; nil for checks that it was not measured for.
  func bound(_ check: VerificationCheck, _ arithmetic: MeasuredArithmetic = .float32) -> Double? {
    own(check, arithmetic).map { Self.tolerance * $0 }
  }
}
