// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// One run of an arm, with all that decides its result.
public struct PlannedRun: Sendable, Hashable {
  /// The arm.
  public var arm: Bed.Arm
  /// The peak of the learning rate.
  public var rate: Double
  /// The seed.
  public var seed: UInt64

  /// Makes a run.
  public init(arm: Bed.Arm, rate: Double, seed: UInt64) {
    self.arm = arm
    self.rate = rate
    self.seed = seed
  }

  /// The run's name, also its directory's.
  public var name: String { "\(arm.name)-r\(Self.written(rate))-s\(seed)" }

  /// What is set over the target's recipe.
  public var overrides: [RecipeOverride] {
    var settings = arm.settings
    settings["schedule.peak"] = Self.written(rate)
    settings["seed"] = String(seed)
    return settings.sorted { $0.key < $1.key }
      .map { RecipeOverride(keyPath: $0.key.components(separatedBy: "."), value: $0.value) }
  }

  /// The recipe, whose paths begin in a folder.
  public func recipe(of bed: Bed, in folder: URL) -> RecipeFile {
    RecipeFile(text: bed.target, name: "target.yaml", directory: folder, overrides: overrides)
  }

  /// A digest of the target's recipe, comments aside, and of what is set over it.
  public func digest(target: String) -> String {
    let lines = target.split(separator: "\n").map { line in
      let code = line.prefix { $0 != "#" }
      return code.trimmingCharacters(in: .whitespaces)
    }
    let text = (lines.filter { !$0.isEmpty } + overrides.map(\.description)).joined(separator: "\n")
    return String(FileDigest(of: Data(text.utf8)).sha256.prefix(16))
  }

  /// A rate as files and names have it: `9e-3`, `1.2e-2`.
  public static func written(_ rate: Double) -> String {
    var exponent = Int(log10(rate).rounded(.down))
    var mantissa = (rate / pow(10, Double(exponent)) * 100).rounded() / 100
    if mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    let digits = mantissa == mantissa.rounded() ? "\(Int(mantissa))" : "\(mantissa)"
    return "\(digits)e\(exponent)"
  }
}

/// The runs that a bed still wants: a sweep of rates by the first seed, closed in on both sides of the
/// best, then the other seeds at the best.
///
/// The same procedure tunes the frontier's arms and the grown ones, so that none is flattered.
public enum Tuning {
  /// How many rates beyond those of the bed an arm may try on either side.
  static let furtherRates = 3

  /// What an arm's runs have come to.
  public struct Outcome: Sendable, Hashable {
    /// The best rate by the first seed; nil before any run.
    public var best: Double?
    /// Whether a lower and a higher rate were tried and are worse.
    public var isClosed: Bool
    /// What is to be run next: nothing once the best rate is closed in and has all its seeds.
    public var next: [PlannedRun]
  }

  /// Looks at the losses that an arm's runs came to.
  ///
  /// - Parameter loss: the final loss of a run; nil where it has not been run.
  public static func outcome(
    of arm: Bed.Arm, loss: (PlannedRun) -> Double?
  ) -> Outcome {
    var rates = arm.rates
    func sweep(_ rate: Double) -> PlannedRun {
      PlannedRun(arm: arm, rate: rate, seed: arm.seeds[0])
    }
    var extensions = 0
    while true {
      let missing = rates.map(sweep).filter { loss($0) == nil }
      guard missing.isEmpty else { return Outcome(best: nil, isClosed: false, next: missing) }
      let best = rates.indices.min { value(loss(sweep(rates[$0]))) < value(loss(sweep(rates[$1]))) }
      guard let best else { return Outcome(best: nil, isClosed: false, next: []) }
      let isClosed = best > 0 && best < rates.count - 1
      guard isClosed || extensions == 2 * furtherRates || rates.count == 1 else {
        rates = extended(rates, below: best == 0)
        extensions += 1
        continue
      }
      let others = arm.seeds.dropFirst().map { PlannedRun(arm: arm, rate: rates[best], seed: $0) }
      return Outcome(
        best: rates[best], isClosed: isClosed, next: others.filter { loss($0) == nil })
    }
  }

  /// A loss that is no number is the worst.
  private static func value(_ loss: Double?) -> Double {
    guard let loss, loss.isFinite else { return .infinity }
    return loss
  }

  /// The rates with one more, by the factor between the two at that end.
  private static func extended(_ rates: [Double], below: Bool) -> [Double] {
    let count = rates.count
    let rate =
      below
      ? rates[0] * rates[0] / rates[1] : rates[count - 1] * rates[count - 1] / rates[count - 2]
    let rounded = Double(PlannedRun.written(rate)) ?? rate
    return below ? [rounded] + rates : rates + [rounded]
  }
}
