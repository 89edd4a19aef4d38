// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

import Savings

@Suite("Which runs a bed wants next")
struct TuningTests {
  private let arm = Bed.Arm(
    name: "arm", about: "arm", isFrontier: false, settings: [:], rates: [4e-3, 6e-3, 9e-3],
    seeds: [1, 2, 3])

  /// Losses of a parabola in log rate around a best rate.
  private func outcome(best: Double, done: (PlannedRun) -> Bool = { _ in true }) -> Tuning.Outcome {
    Tuning.outcome(of: arm) { done($0) ? pow(log($0.rate / best), 2) + Double($0.seed) : nil }
  }

  @Test("The first seed tries all rates")
  func sweep() {
    let outcome = outcome(best: 6e-3) { _ in false }
    #expect(outcome.best == nil)
    #expect(outcome.next.map(\.rate) == arm.rates)
    #expect(outcome.next.allSatisfy { $0.seed == 1 })
  }

  @Test("The other seeds follow at the best rate")
  func seeds() {
    let outcome = outcome(best: 6e-3) { $0.seed == 1 }
    #expect(outcome.best == 6e-3)
    #expect(outcome.isClosed)
    #expect(outcome.next.map(\.name) == ["arm-r6e-3-s2", "arm-r6e-3-s3"])
    #expect(self.outcome(best: 6e-3).next.isEmpty)
  }

  @Test("A best rate at the edge is closed in by further ones")
  func edges() {
    let high = outcome(best: 9e-3) { $0.rate <= 9e-3 }
    #expect(high.next.map(\.name) == ["arm-r1.35e-2-s1"])
    #expect(!high.isClosed)
    #expect(outcome(best: 1.3e-2).best == 1.35e-2)
    #expect(outcome(best: 1.3e-2).isClosed)
    let low = outcome(best: 4e-3) { $0.rate >= 4e-3 }
    #expect(low.next.map(\.name) == ["arm-r2.67e-3-s1"])
  }

  @Test("A rate at which training breaks down is the worst")
  func brokenDown() {
    let outcome = Tuning.outcome(of: arm) { $0.rate > 7e-3 ? .infinity : $0.rate }
    #expect(outcome.best != 9e-3)
  }

  @Test("The search for a best rate ends")
  func endless() {
    let outcome = Tuning.outcome(of: arm) { 1 / $0.rate }
    #expect(outcome.best != nil)
    #expect(!outcome.isClosed)
  }

  @Test(
    "Rates are written as people write them",
    arguments: [
      (9e-3, "9e-3"), (0.012, "1.2e-2"), (1.35e-2, "1.35e-2"), (0.00999999, "1e-2"), (1, "1e0"),
    ])
  func rates(_ rate: Double, _ text: String) {
    #expect(PlannedRun.written(rate) == text)
  }

  @Test("The digest of a run follows its recipe, not the comments beside it")
  func digest() {
    let run = PlannedRun(arm: arm, rate: 6e-3, seed: 1)
    let digest = run.digest(target: "a: 1  # one\n\nb: 2\n")
    #expect(digest == run.digest(target: "# two\na: 1\nb: 2"))
    #expect(digest != run.digest(target: "a: 1\nb: 3"))
    #expect(digest != PlannedRun(arm: arm, rate: 6e-3, seed: 2).digest(target: "a: 1\nb: 2"))
    var other = arm
    other.settings["batch.sequences"] = "8"
    #expect(digest != PlannedRun(arm: other, rate: 6e-3, seed: 1).digest(target: "a: 1\nb: 2"))
  }
}

@Suite("The committed beds")
struct BedTests {
  private static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "savings/beds")

  static var beds: [URL] {
    get throws {
      try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        .sorted { $0.path < $1.path }
    }
  }

  @Test("Every bed opens, and every run of it has a recipe that is right", arguments: try beds)
  func opens(_ folder: URL) throws {
    let bed = try Bed(folder)
    for arm in bed.arms {
      let run = PlannedRun(arm: arm, rate: arm.rates[0], seed: arm.seeds[0])
      _ = try run.recipe(of: bed, in: folder).recipe()
    }
  }

  @Test("Every committed result is of a run that its bed has", arguments: try beds)
  func results(_ folder: URL) throws {
    let bed = try Bed(folder)
    let table = try ResultTable(bed)
    for result in table.results.values {
      let arm = try #require(bed.arms.first { $0.name == result.arm }, "\(result.run)")
      let run = PlannedRun(arm: arm, rate: result.rate, seed: result.seed)
      #expect(table.result(of: run, in: bed) == result, "\(result.run) is of another recipe")
    }
  }
}
