// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// What a bed's results come to.
public struct Summary: Sendable {
  /// An arm at its best rate.
  public struct Arm: Sendable {
    /// The arm.
    public var arm: Bed.Arm
    /// The best rate by the first seed.
    public var rate: Double
    /// Whether rates on both sides of it were tried and are worse.
    public var isClosed: Bool
    /// The results at that rate, in the order of the seeds.
    public var results: [RunResult]
    /// The loss at each rate that the first seed tried; nil for a training that broke down.
    public var sweep: [(rate: Double, loss: Double?)]
    /// Operations of training.
    public var flops: Double
    /// Seconds, by the measured time of a step of each model; nil where it was not measured.
    public var seconds: Double?
    /// Saved operations.
    public var operations: Saving?
    /// Saved seconds.
    public var time: Saving?
    /// Saved operations as the paper counts them, on curves whose rate has not begun to fall.
    public var undecayed: UndecayedSaving?

    /// The final losses.
    public var losses: [Double] { results.compactMap(\.loss) }
    /// exp of their mean logarithm.
    public var meanLoss: Double {
      exp(losses.reduce(0) { $0 + log($1) } / Double(losses.count))
    }
    /// The models, in the order of the stages.
    public var models: [String] { results.first?.stages.map(\.model) ?? [] }
  }

  /// The bed.
  public let bed: Bed
  /// The arms that have a result at their best rate, in the bed's order.
  public private(set) var arms: [Arm]
  /// Runs that are still to be made as far as is known now.
  public let missing: [PlannedRun]
  /// The scatter of log losses over seeds.
  public let spread: SeedSpread?
  /// The frontier in operations.
  public let frontier: Frontier
  /// How long a step of each model takes.
  public let times: StepTimes?

  /// Evaluates the results of a bed.
  public init(_ bed: Bed, _ table: ResultTable, times: StepTimes?) {
    self.bed = bed
    self.times = times
    var (arms, missing): ([Arm], [PlannedRun]) = ([], [])
    for arm in bed.arms {
      let outcome = Tuning.outcome(of: arm) { run in
        table.result(of: run, in: bed).map { $0.loss ?? .infinity }
      }
      missing += outcome.next
      if let found = Self.arm(arm, outcome, bed, table, times) { arms.append(found) }
    }
    spread = SeedSpread(arms.map(\.losses))
    frontier = Frontier(Self.points(arms) { $0.flops })
    self.missing = missing
    self.arms = arms
    let timeFrontier = Frontier(Self.points(arms) { $0.seconds })
    let target = arms.first { $0.arm.isFrontier }?.models.last
    let scratch = arms.filter { $0.arm.isFrontier && $0.models == [target].compactMap { $0 } }
    let curves = scratch.flatMap { arm in
      Self.allResults(of: arm.arm, bed, table)
    }
    for index in arms.indices where !arms[index].arm.isFrontier {
      let arm = arms[index]
      self.arms[index].operations = Saving(
        losses: arm.losses, cost: arm.flops, against: frontier, spread: spread)
      self.arms[index].time = arm.seconds.flatMap {
        Saving(losses: arm.losses, cost: $0, against: timeFrontier, spread: spread)
      }
      self.arms[index].undecayed = UndecayedSaving(arm.results, against: curves)
    }
  }

  private static func arm(
    _ arm: Bed.Arm, _ outcome: Tuning.Outcome, _ bed: Bed, _ table: ResultTable,
    _ times: StepTimes?
  ) -> Arm? {
    guard let rate = outcome.best else { return nil }
    let results = arm.seeds.compactMap {
      table.result(of: PlannedRun(arm: arm, rate: rate, seed: $0), in: bed)
    }
    guard let first = results.first, results.allSatisfy({ $0.loss != nil }) else { return nil }
    let sweep = allResults(of: arm, bed, table).filter { $0.seed == arm.seeds[0] }
      .map { (rate: $0.rate, loss: $0.loss) }
    return Arm(
      arm: arm, rate: rate, isClosed: outcome.isClosed, results: results,
      sweep: sweep.sorted { $0.rate < $1.rate }, flops: first.flops,
      seconds: times?.seconds(of: first))
  }

  private static func allResults(
    of arm: Bed.Arm, _ bed: Bed, _ table: ResultTable
  ) -> [RunResult] {
    table.results.values.filter { result in
      result.arm == arm.name
        && table.result(
          of: PlannedRun(arm: arm, rate: result.rate, seed: result.seed), in: bed) == result
    }
  }

  private static func points(_ arms: [Arm], cost: (Arm) -> Double?) -> [Frontier.Point] {
    arms.filter(\.arm.isFrontier).compactMap { arm in
      cost(arm).map {
        Frontier.Point(
          name: arm.arm.name, size: arm.models.last ?? "", cost: $0,
          logLoss: log(arm.meanLoss), seedCount: arm.losses.count)
      }
    }
  }
}

/// Operations saved along curves whose learning rate has not begun to fall.
///
/// So the paper counts them (Shen, Walsh, Keutzer and others, arXiv 2203.06211), at the loss that the
/// staged run has there.
public struct UndecayedSaving: Sendable, Hashable {
  /// The staged run's loss before its rate falls.
  public var loss: Double
  /// 1 − its operations / those of the curves from scratch at that loss.
  public var saved: Double
  /// Whether scratch has not come to that loss, so that more is saved.
  public var isLowerBound: Bool

  /// Compares with undecayed curves from scratch, of the same rate where there are any.
  ///
  /// - Returns: nil without validations of both before the rates fall.
  public init?(_ staged: [RunResult], against scratch: [RunResult]) {
    let same = scratch.filter { $0.rate == staged.first?.rate }
    let points = (same.isEmpty ? scratch : same).flatMap(\.validations).filter(\.isUndecayed)
    let ends = staged.compactMap { run in
      run.validations.last { $0.isUndecayed && $0.stage == run.stages.count }
    }
    guard let curve = MonotoneCurve(points.map { Chart.Point($0.flops, $0.loss) }),
      let end = ends.first, ends.count == staged.count
    else { return nil }
    loss = exp(ends.reduce(0) { $0 + log($1.loss) } / Double(ends.count))
    isLowerBound = loss < curve.losses.lowerBound
    let cost =
      isLowerBound
      ? curve.amounts.upperBound : curve.amount(atLoss: loss) ?? curve.amounts.lowerBound
    saved = 1 - end.flops / cost
  }
}
