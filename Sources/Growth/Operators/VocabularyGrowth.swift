// SPDX-License-Identifier: Apache-2.0
import Architectures

/// Adds tokens; their vectors are the mean of all others, and some noise.
///
/// The logits of the old tokens stay what they were. The loss does not, since the new tokens take a
/// part of the probability, and so neither ``Guarantee/loss`` nor ``Guarantee/moments`` is promised.
/// New rows start without moments. Their inputs are trained as soon as the tokens occur.
public struct VocabularyGrowth: GrowthOperator {
  /// The tokens of the grown model.
  public var vocabularySize: Int
  /// The noise on new vectors as a multiple of what a new model starts with; without any, new
  /// tokens are copies of each other.
  public var noise: Double

  /// The noise where nothing else is said.
  public static let defaultNoise = 0.1

  /// A growth to a number of tokens.
  public init(to vocabularySize: Int, noise: Double = VocabularyGrowth.defaultNoise) {
    self.vocabularySize = vocabularySize
    self.noise = noise
  }

  /// One plan; none where the number stays.
  ///
  /// - Throws: ``GrowthError`` of code `unreachable` for fewer tokens.
  public func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    try model.validate()
    let old = model.vocabularySize
    try GrowthError.checkGrows("vocabularySize", from: old, to: vocabularySize)
    try GrowthError.check(
      noise >= 0 && noise.isFinite, .invalidOptions, subject: "vocabularySize",
      "noise of \(noise) times the initializer's; expected 0 or more")
    if vocabularySize == old { return [] }
    var target = model
    target.vocabularySize = vocabularySize
    try target.validate()
    var plan = GrowthPlan(
      "vocabulary \(old) → \(vocabularySize)", from: model, to: target,
      guarantees: noise > 0 ? [.symmetry, .liveness] : [.liveness])
    plan.vocabularyNoise = noise
    plan.maps[.vocabulary] = UnitMap(
      sourceCount: old,
      runs: [UnitMap.Run(.units(0), count: old), UnitMap.Run(.mean, count: vocabularySize - old)])
    return [plan]
  }
}

extension GrowthParameter {
  /// ``GrowthDescription/vocabulary``.
  public static let vocabulary = integer(
    "vocabulary", .size, \.vocabulary, in: 1...1 << 28,
    help: "The number of tokens in the vocabulary; new ones begin at the mean of the old.")
}

extension TensorGrower {
  /// New tokens differ a little from the mean, and so from each other.
  func addTokenNoise(
    _ row: Int, _ outer: AxisMap.Run?, _ target: UnsafeMutableBufferPointer<Scalar>
  ) {
    guard part == .value, case .mean(_, _, let noise)? = outer?.source, noise > 0 else { return }
    let first = row * rowLength
    let values = fresh.values(for: growth.target, elements: first..<first + rowLength)
    // Copies of a component must stay copies, or the width's other maps would no longer hold.
    for run in columns.runs {
      guard case .indices(let source) = run.source else { continue }
      for index in 0..<run.count {
        target[run.start + index] += Scalar(noise * run.value * Double(values[source + index]))
      }
    }
  }
}
