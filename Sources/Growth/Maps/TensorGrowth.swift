// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Tensors

/// How one tensor of the grown model comes from one of the small model: everything that growing,
/// streaming, proving and recording need to know.
///
/// An entry (i, j) with a source is
///
///     value     valueScale · value(i) · value(j) · W[source(i), source(j)]  (+ noise)
///     γ         gradientScale · gradient(i) · gradient(j)
///
/// and moments are multiplied by γ and γ². In a block-diagonal tensor values are zero where i and j
/// belong to different copies; γ holds there all the same.
public struct TensorGrowth: Sendable, Hashable {
  /// Which entries of a matrix take values.
  public enum Pattern: String, Sendable, Hashable, Codable {
    case dense, blockDiagonal
  }

  /// What the grown tensor is; its initializer draws the new entries.
  public var target: ParameterSpec
  /// The tensor it comes from, by its number among the small model's parameters; nil where all
  /// entries are new.
  public var source: Int?
  /// One map for each axis; none where all entries are new.
  public var axes: [AxisMap]
  /// The tensor in whose place the zeros of a new block stand; nil where there are none.
  public var replaced: Replaced?
  /// How many rows one after the other share each new row.
  public var newRowRepeat: Int
  /// Which entries take values.
  public var pattern: Pattern
  /// The type to which the source's values are rounded first; nil for none.
  public var sourceRounding: DType?
  /// The factor on all values.
  public var valueScale: Double
  /// What is added to stored gains before they are multiplied, and taken off again: 1 where files hold
  /// gains less one, else 0.
  public var gainOffset: Double
  /// The factor on all gradients.
  public var gradientScale: Double
  /// Noise that copies of an input cancel; nil for none.
  public var noise: CancellingNoise?
  /// Whether moments and step count come from the source.
  public var keepsMoments: Bool
  /// Factor on the learning rate.
  public var learningRateMultiplier: Double
  /// Factor on AdamW's ε.
  public var epsilonMultiplier: Double

  /// A tensor of the block that a new block is a copy of, but for this tensor.
  public struct Replaced: Sendable, Hashable {
    /// Its number among the small model's parameters.
    public var source: Int
    /// One map for each axis.
    public var axes: [AxisMap]
  }

  /// A tensor of new entries only.
  init(new target: ParameterSpec) {
    self.target = target
    source = nil
    axes = []
    replaced = nil
    newRowRepeat = 1
    pattern = .dense
    valueScale = 1
    gainOffset = 0
    gradientScale = 1
    noise = nil
    keepsMoments = false
    learningRateMultiplier = 1
    epsilonMultiplier = 1
  }
}

/// Gaussian noise that changes no output as long as copies of an input are equal.
///
/// For each copy h of the outputs its own noise N(h) is added to the rows of input copy h and taken
/// from those of copy h + 1 (modulo their number): for two copies [[W + N, −M], [−N, W + M]], so that
/// [z, z] W' = [z W, z W]. It parts the copies, which otherwise would get equal gradients for ever.
public struct CancellingNoise: Sendable, Hashable, Codable {
  /// Power of the weights over power of the noise, in decibels (10 dB: Samragh et al., "Scaling
  /// smart", arXiv 2409.12903).
  public var signalToNoise: Double
  /// The number of copies.
  public var copies: Int
  /// What the weights were multiplied by, and so the noise.
  public var scale: Double

  /// The noise's standard deviation for weights of this root mean square.
  func standardDeviation(rootMeanSquare: Double) -> Double {
    rootMeanSquare * scale * pow(10, -signalToNoise / 20)
  }

  /// The sign of the noise between two copies; 0 for none.
  func sign(input: Int, output: Int) -> Double {
    if input == output { return 1 }
    return input == (output + 1) % copies ? -1 : 0
  }
}
