// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How much noise between copies multiplies what rounding parts the copies by.
///
/// Copies x and y of an input differ by rounding alone, by some d of their size. A product with noise
/// makes W x + N (x − y) of them, so that their images differ by W d as before and by N d beside it:
/// with independent entries the difference grows by 1 + e in mean square, e being twice the power of
/// the noise over that of the weights. The product's own rounding grows as much, since it adds up
/// terms of W + N and of −N.
///
/// A branch of a block has two products on its way, so (1 + e)², and joins a stream in which l branches
/// have come together: D(l + 1) = D(l) (1 + (1 + e)²/l). That is l to the power of (1 + e)², where
/// without noise it is l. Gates and attention multiply two such differences, which doubles the exponent
/// in amplitude. B branches therefore multiply rounding by
///
///     (1 + e) · B^((1 + e)² − 1)
///
/// On SmolLM2-135M, 60 branches, that is 7, 26, 250 and 4·10⁵ at 10, 8, 6 and 3 dB; 5, 12, 100 and more
/// than 10⁵ were measured.
struct RoundingGain: Sendable, Hashable {
  /// Twice the noise's power over the weights'.
  private var excess = 0.0
  /// Branches of the model with most blocks among those that got noise.
  private var branchCount = 0

  /// The gain up to which a growth promises to keep the function in float32.
  ///
  /// Verification allows a grown model 16 times the small model's own distance from exact arithmetic.
  static let most = 16.0

  /// What the noise of some growths does, one after the other.
  init(_ plans: [GrowthPlan]) {
    for plan in plans {
      guard let signalToNoise = plan.signalToNoise, plan.target.layerCount > 0 else { continue }
      excess += 2 * plan.noiseScale * plan.noiseScale * pow(10, -signalToNoise / 10)
      branchCount = max(branchCount, 2 * plan.target.layerCount)
    }
  }

  /// By how much rounding is multiplied; may be infinite.
  var value: Double {
    guard branchCount > 0 else { return 1 }
    return (1 + excess) * pow(Double(branchCount), (1 + excess) * (1 + excess) - 1)
  }

  /// Whether float32 keeps the function.
  var keepsFunction: Bool { value <= Self.most }
}

extension GrowthPlan {
  /// The noise's amplitude on the scale of the weights that it is added to.
  fileprivate var noiseScale: Double { blocks > 1 ? 1 : 1 / Double(map(.stream).copyCount) }

  /// By how much the noise between copies multiplies what rounding parts them by; 1 without noise.
  ///
  /// Beyond 16 the growth does not promise to keep the loss, which it keeps in exact arithmetic.
  public var roundingGain: Double { RoundingGain([self]).value }

  /// The strongest noise, in decibels, with which the growth promises to keep the loss; nil where its
  /// noise is no stronger.
  public var strongestPromisedNoise: Int? {
    guard signalToNoise != nil, !RoundingGain([self]).keepsFunction else { return nil }
    var weaker = self
    // Noise of 60 dB is nothing beside the weights, whatever the depth.
    return (-40..<60).first {
      weaker.signalToNoise = Double($0)
      return RoundingGain([weaker]).keepsFunction
    } ?? 60
  }

  /// The weakest noise, in decibels, that parts copies for certain: a hundredth of the weights.
  ///
  /// Ten steps of training part copies by the square of that, which is then far above rounding.
  public static let weakestPartingNoise = 40.0

  /// What the noise between copies takes from a growth's promises.
  ///
  /// The loss is kept where rounding does not grow too much. Noise stronger than the weights saturates
  /// what follows, so that units may get no gradient or the same one; weak noise parts copies less than
  /// a measurement can tell, and 16 bits round it to nothing.
  var lostToNoise: Guarantees {
    guard let signalToNoise else { return [] }
    var lost: Guarantees = RoundingGain([self]).keepsFunction ? [] : [.loss]
    if signalToNoise < 0 { lost.formUnion([.symmetry, .liveness]) }
    if signalToNoise > Self.weakestPartingNoise { lost.insert(.symmetry) }
    return lost
  }
}
