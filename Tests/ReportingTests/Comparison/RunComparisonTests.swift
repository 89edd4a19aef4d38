// SPDX-License-Identifier: Apache-2.0
import Foundation
import Reporting
import Testing

/// Runs from scratch follow L = 20 · C^−0.05; staged runs reach each loss of theirs for the share
/// 1 − s of the compute, so that the saving is s wherever it is read.
@Suite("Comparison of runs")
struct RunComparisonTests {
  private static let exponent = 0.05

  private func scratch(_ seed: UInt64 = 1, steps: Int = 1000, noise: Double = 0) -> SyntheticRun {
    SyntheticRun(name: "scratch-\(seed)", steps: steps, noise: noise, seed: seed)
  }

  private func staged(
    _ seed: UInt64 = 1, saving: Double, steps: Int = 1000, noise: Double = 0
  ) -> SyntheticRun {
    SyntheticRun(
      name: "staged-\(seed)", loss: { 20 * pow($0 / (1 - saving), -Self.exponent) }, steps: steps,
      noise: noise, growths: [300], seed: seed)
  }

  private func compare(
    _ staged: [SyntheticRun], _ scratch: [SyntheticRun],
    _ configuration: RunComparison.Configuration = .init()
  ) throws -> RunComparison {
    try RunComparison(
      staged: staged.map(\.run), scratch: scratch.map(\.run), configuration: configuration)
  }

  @Test(
    "a known saving is found exactly, whoever ends lower",
    arguments: [-0.3, 0, 0.1, 0.216, 0.6], [700, 1000, 1400])
  func known(saving: Double, steps: Int) throws {
    let result = try compare([staged(saving: saving, steps: steps)], [scratch()])
    let found = try #require(result.computeSaving)
    #expect(result.basis == .curves)
    #expect(found.bound == .exact)
    #expect(abs(found.mean - saving) < 1e-6)
    #expect(abs((result.secondsSaving?.mean ?? .nan) - saving) < 1e-6)
    #expect(found.interval == nil)
    // At equal compute the loss is lower by (1 − s)^0.05.
    let excess = try #require(result.lossExcess)
    #expect(abs(excess.mean - (pow(1 - saving, Self.exponent) - 1)) < 1e-6)
  }

  @Test("time has a saving of its own")
  func time() throws {
    var grown = staged(saving: 0.2)
    grown.secondsPerFLOP = 1.5e-9
    let result = try compare([grown], [scratch()])
    #expect(abs((result.computeSaving?.mean ?? 0) - 0.2) < 1e-6)
    #expect(abs((result.secondsSaving?.mean ?? 0) - (1 - 0.8 * 1.5)) < 1e-6)
  }

  @Test("the saving at a loss that is named")
  func namedLoss() throws {
    // The staged run gains more and more: its exponent is 0.06.
    var grown = staged(saving: 0)
    grown.loss = { 25 * pow($0, -0.06) }
    for loss in [5.03, 5.06, 5.1] {
      let expected = 1 - pow(25 / loss, 1 / 0.06) / pow(20 / loss, 1 / 0.05)
      let result = try compare([grown], [scratch()], .init(loss: loss))
      #expect(abs((result.computeSaving?.mean ?? .nan) - expected) < 1e-3 * abs(1 - expected))
    }
  }

  @Test("what lies before the last growth does not count")
  func lastStage() throws {
    var grown = staged(saving: 0.3)
    let law = grown.loss
    // Before its growth the small model was better than anything after it.
    grown.loss = { $0 <= 300e9 ? 1.5 : law($0) }
    let result = try compare([grown], [scratch()])
    #expect(abs((result.computeSaving?.mean ?? 0) - 0.3) < 1e-6)
  }

  @Test("with noise over seeds the interval holds the truth about as often as it says")
  func coverage() throws {
    var hits = 0
    for trial in 0..<200 as Range<UInt64> {
      let seeds = (1...3).map { trial * 100 + $0 }
      let result = try compare(
        seeds.map { staged($0, saving: 0.25, noise: 0.004) },
        seeds.map { scratch($0 + 50, noise: 0.004) })
      let interval = try #require(result.computeSaving?.interval)
      if interval.low <= 0.25, 0.25 <= interval.high { hits += 1 }
    }
    // Isotonic ends are a little off in the same direction on both sides; 95 % of 200 is 190.
    #expect(hits >= 176 && hits <= 200, "\(hits) of 200")
  }

  @Test("the mean is one of logarithms, and the interval is Welch's")
  func spread() throws {
    let savings = [0.1, 0.2, 0.4]
    let result = try compare(
      zip([1, 2, 3] as [UInt64], savings).map { staged($0, saving: $1) },
      [scratch(1), scratch(2)])
    let found = try #require(result.computeSaving)
    let logs = savings.map { log(1 - $0) }
    let mean = logs.reduce(0, +) / 3
    #expect(abs(found.mean + expm1(mean)) < 1e-6)
    #expect(abs(found.lowest - 0.1) < 1e-6 && abs(found.highest - 0.4) < 1e-6)
    #expect(found.values.map(\.name) == ["staged-1", "staged-2", "staged-3"])
    // The baseline does not vary, so two degrees of freedom remain: t = 4.3027.
    let variance = logs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2
    let half = 4.302653 * (variance / 3).squareRoot()
    let interval = try #require(found.interval)
    #expect(abs(interval.low - (1 - exp(mean + half))) < 1e-5)
    #expect(abs(interval.high - (1 - exp(mean - half))) < 1e-5)
  }

  // MARK: The frontier

  @Test("a run whose rate is not known is named beside another one, wherever it stands")
  func unknownDecay() throws {
    let known = SyntheticRun(name: "known", decay: .complete).run
    let unknown = SyntheticRun(name: "strange", decay: .unknown).run
    for (staged, scratch) in [(known, unknown), (unknown, known)] {
      let error = #expect(throws: ReportingError.self) {
        try RunComparison(staged: [staged], scratch: [scratch])
      }
      let message = error?.message ?? ""
      #expect(message.contains("strange is unknown") && message.contains("known is "), "\(message)")
      #expect(message.ranges(of: "strange").count == 1, "\(message)")
    }
  }

  /// A decayed run: its middle is 5 % worse than a shorter run's end.
  private func decayed(
    _ name: String, steps: Int, saving: Double = 0, seed: UInt64 = 1, growths: [Int] = []
  ) -> SyntheticRun {
    let end = Double(steps) * 1e9
    return SyntheticRun(
      name: name,
      loss: { 20 * pow($0 / (1 - saving), -Self.exponent) * ($0 < end * 0.999 ? 1.05 : 1) },
      steps: steps, growths: growths, seed: seed, decay: .complete)
  }

  @Test("several decayed lengths make a frontier of ends", arguments: [0.0, 0.15, 0.5])
  func frontier(saving: Double) throws {
    let result = try compare(
      [decayed("staged", steps: 900, saving: saving, growths: [200])],
      [500, 1000, 2000, 4000].map { decayed("scratch-\($0)", steps: $0) })
    #expect(result.basis == .ends)
    #expect(result.loss == nil && result.flops == nil)
    let found = try #require(result.computeSaving)
    #expect(found.bound == .exact)
    #expect(abs(found.mean - saving) < 1e-9)
    #expect(abs((result.lossExcess?.mean ?? .nan) - (pow(1 - saving, 0.05) - 1)) < 1e-9)
  }

  @Test("a frontier of each seed, where each has several lengths")
  func seeds() throws {
    let scratch = ([1, 2] as [UInt64]).flatMap { seed in
      [500, 2000].map { decayed("scratch-\(seed)-\($0)", steps: $0, seed: seed) }
    }
    let result = try compare(
      [1, 2].map {
        decayed("staged-\($0)", steps: 900, saving: 0.3, seed: $0, growths: [200])
      }, scratch)
    #expect(abs((result.computeSaving?.mean ?? 0) - 0.3) < 1e-9)
    #expect(result.computeSaving?.interval != nil)
  }

  @Test(
    "a bound that leaves open whether anything was saved is not told as a saving",
    arguments: [
      (Contrast.Bound.exact, 0.279, true), (.atLeast, 0.279, true), (.atMost, 0.279, false),
      (.atLeast, -0.1, false), (.atMost, -0.1, true),
    ])
  func telling(bound: Contrast.Bound, mean: Double, isTelling: Bool) throws {
    let comparison = try compare([staged(saving: 0.2)], [scratch()])
    var contrast = try #require(comparison.computeSaving)
    (contrast.bound, contrast.mean) = (bound, mean)
    #expect(contrast.isTelling == isTelling)
    if !isTelling {
      #expect(contrast.spreadText == (mean > 0 ? "at most 27.9 %" : "at least −10.0 %"))
    }
  }

  @Test("an end beyond the frontier gives a bound, and says so")
  func bounds() throws {
    let lengths = [500, 1000].map { decayed("scratch-\($0)", steps: $0) }
    let better = try compare([decayed("staged", steps: 900, saving: 0.5, growths: [9])], lengths)
    let found = try #require(better.computeSaving)
    #expect(found.bound == .atLeast)
    #expect(abs(found.mean - 0.1) < 1e-9)
    #expect(found.mean < 0.5)
    #expect(better.notes.contains { $0.contains("bounds") })
    let worse = try compare([decayed("staged", steps: 300, growths: [9])], lengths)
    #expect(worse.computeSaving?.bound == .atMost)
    #expect(abs((worse.computeSaving?.mean ?? 0) - 0.4) < 1e-9)
    #expect(worse.lossExcess == nil)
  }

  @Test("one decayed length is compared along curves, with a warning of whom it flatters")
  func oneLength() throws {
    let lower = try compare(
      [decayed("staged", steps: 1000, saving: 0.3, growths: [9])], [decayed("s", steps: 1000)])
    #expect(lower.basis == .curves)
    #expect(lower.notes.contains { $0.contains("would likely have saved more") })
    let higher = try compare(
      [decayed("staged", steps: 500, saving: 0.3, growths: [9])], [decayed("s", steps: 1000)])
    #expect(higher.notes.contains { $0.contains("flatters the staged runs") })
  }

  // MARK: What is refused

  private typealias Change = @Sendable (inout SyntheticRun) -> Void

  @Test(
    "runs that differ in more than their stages are refused, or marked",
    arguments: Incomparability.Kind.allCases)
  func incomparable(kind: Incomparability.Kind) throws {
    var other = scratch()
    switch kind {
    case .validationData: other.data?.validation = "c"
    case .trainingData: other.data?.training = "c"
    case .tokenizer: other.data?.tokenizer = "u"
    case .unknownData: other.data = nil
    case .decay: other.decay = .complete
    case .model: other.model = "llama"
    case .log: other.logProblems = ["line 3, tokens: 5 is less than the 7 of the line before"]
    }
    let error = #expect(throws: ReportingError.self) {
      try compare([staged(saving: 0.2)], [other])
    }
    #expect(error?.code == .incomparable)
    #expect(error?.subject == kind.rawValue)
    let marked = try compare([staged(saving: 0.2)], [other], .init(differences: .mark))
    #expect(marked.differences.map(\.kind) == [kind])
    #expect(abs((marked.computeSaving?.mean ?? 0) - 0.2) < 1e-6)
  }

  @Test("learning rates are alike within a twentieth of the peak")
  func decay() throws {
    func difference(_ left: LearningRateDecay, _ right: LearningRateDecay) -> Bool {
      var (one, other) = (staged(saving: 0), scratch())
      (one.decay, other.decay) = (left, right)
      return !Incomparability.among([one.run, other.run]).isEmpty
    }
    #expect(!difference(.partial(share: 0.5), .partial(share: 0.53)))
    #expect(difference(.partial(share: 0.5), .partial(share: 0.6)))
    #expect(!difference(.constant, .partial(share: 1)))
    #expect(difference(.constant, .partial(share: 0.9)))
    #expect(difference(.unknown, .unknown))
    #expect(LearningRateDecay(last: 1e-3, peak: 1e-3, floor: nil) == .constant)
    #expect(LearningRateDecay(last: 1e-4, peak: 1e-3, floor: 0.1) == .complete)
    #expect(LearningRateDecay(last: 5e-4, peak: 1e-3, floor: 0.1) == .partial(share: 0.5))
    #expect(LearningRateDecay(last: nil, peak: 1e-3, floor: 0.1) == .unknown)
  }

  @Test("runs without validation, empty sides and absurd settings are errors")
  func errors() throws {
    var blind = scratch()
    blind.loss = { _ in .nan }
    for (code, body): (ReportingError.Code, () throws -> RunComparison) in [
      (.nothingToCompare, { try compare([staged(saving: 0.1)], [blind]) }),
      (.nothingToCompare, { try compare([], [scratch()]) }),
      (.nothingToCompare, { try compare([staged(saving: 0.1)], []) }),
      (.invalidValue, { try compare([staged(saving: 0.1)], [scratch()], .init(loss: -1)) }),
      (.invalidValue, { try compare([staged(saving: 0.1)], [scratch()], .init(confidence: 1)) }),
    ] {
      let error = #expect(throws: ReportingError.self) { try body() }
      #expect(error?.code == code)
    }
  }

  @Test("steep ends, single seeds and runs never grown are remarked on")
  func notes() throws {
    var steep = scratch()
    steep.loss = { 1000 * pow($0, -0.2) }
    var grown = steep
    grown.name = "plain"
    let notes = try compare([grown], [steep]).notes
    #expect(notes.contains { $0.contains("slope of −0.200") })
    #expect(notes.contains { $0.contains("never grown: plain") })
    #expect(notes.contains { $0.contains("spread over seeds") })
    let flat = try compare([staged(saving: 0.1)], [scratch()]).notes
    #expect(!flat.contains { $0.contains("slope of") })
  }
}
