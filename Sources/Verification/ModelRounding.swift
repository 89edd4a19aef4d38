// SPDX-License-Identifier: Apache-2.0

/// How far float32 carries a model's own results from those of float64, on some tokens.
///
/// Trained models multiply rounding: their largest units are thousands of times the others, and each
/// layer passes errors on. Nothing that float32 computes of a grown model can be nearer to the small
/// model than that model is to itself.
public struct ModelRounding: Sendable, Hashable, Codable {
  /// The largest difference of logits, relative to the largest logit.
  public var logits: Double
  /// The relative difference of losses.
  public var loss: Double
  /// The largest relative error of a token's residual stream; nil where no stream was looked at.
  public var residual: Double?

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

  /// What rounding alone may do to a check in float32; nil for checks that it was not measured for.
  func bound(_ check: VerificationCheck) -> Double? {
    switch check {
    case .logits: Self.tolerance * logits
    case .loss: Self.tolerance * loss
    case .residual: residual.map { Self.tolerance * $0 }
    default: nil
    }
  }
}
