// SPDX-License-Identifier: Apache-2.0
import Foundation

extension RunComparison {
  /// What a reader of the numbers should know.
  ///
  /// - Parameter baselines: how many curves or frontiers the runs from scratch make.
  func remarks(
    _ staged: [ReportedRun], _ scratch: [ReportedRun], baselines: Int
  ) -> [String] {
    [
      basisRemark, decayRemark(staged + scratch), boundRemark,
      seedRemark(staged: staged.count, baselines: baselines), slopeRemark(scratch),
      growthRemark(staged), machineRemark(staged + scratch), engineRemark(staged + scratch),
    ].compactMap { $0 } + (staged + scratch).compactMap(lossRemark)
  }

  private var basisRemark: String? {
    switch basis {
    case .curves:
      "costs are read off the validation curves, smoothed to fall, between validations along "
        + "straight lines of log loss against log cost"
    case .ends:
      "only the ends of runs count, where the learning rate has decayed; the baseline is the "
        + "frontier through the ends of the runs from scratch"
    }
  }

  /// A decayed run's middle is worse than a shorter run's end would be.
  private func decayRemark(_ runs: [ReportedRun]) -> String? {
    guard basis == .curves, runs.contains(where: { $0.decay != .constant }) else { return nil }
    let best = (staged: staged.map(\.loss).min() ?? 0, scratch: scratch.map(\.loss).min() ?? 0)
    return best.staged <= best.scratch
      ? "the staged runs ended lower, so their cost is read where their learning rate had not yet "
        + "fallen: shorter, decayed runs would likely have saved more"
      : "the runs from scratch ended lower, so their cost is read where their learning rate had "
        + "not yet fallen, which flatters the staged runs; add shorter runs from scratch, each "
        + "fully decayed, for a frontier"
  }

  private var boundRemark: String? {
    let bounds = [computeSaving, secondsSaving].compactMap { $0?.bound }
    guard bounds.contains(where: { $0 != .exact }) else { return nil }
    return
      "some curves do not come to the loss compared at, or begin below it (validate more often, "
      + "from the start): savings marked so are bounds"
  }

  private func seedRemark(staged: Int, baselines: Int) -> String? {
    let baseline = basis == .ends ? "one frontier" : "one run from scratch"
    switch (staged, baselines) {
    case (1, 1): return "one staged run and \(baseline) say nothing of the spread over seeds"
    case (1, _): return "with one staged run the interval leaves out its spread over seeds"
    case (_, 1): return "with \(baseline) the interval leaves out its spread over seeds"
    default: return nil
    }
  }

  /// Slopes below this are far from where the published schedule stops.
  private static let steepSlope = -0.1

  private func slopeRemark(_ runs: [ReportedRun]) -> String? {
    let slopes = scratch.compactMap(\.slopeAtEnd)
    guard !slopes.isEmpty, runs.contains(where: { $0.decay != .complete }) else { return nil }
    let mean = slopes.reduce(0, +) / Double(slopes.count)
    guard mean < Self.steepSlope else { return nil }
    return String(
      format: "the runs from scratch end at a slope of %.3f, far from the optimality of compute "
        + "(−0.052), where any small model looks better than it is", mean
    ).replacing("of -", with: "of −")
  }

  private func growthRemark(_ runs: [ReportedRun]) -> String? {
    let never = runs.filter { !$0.isStaged }.map(\.name)
    return never.isEmpty ? nil : "never grown: \(never.joined(separator: ", "))"
  }

  /// Seconds of different engines say nothing of growth.
  private func engineRemark(_ runs: [ReportedRun]) -> String? {
    let known = runs.filter { !$0.course.engines.isEmpty }
    guard Set(known.flatMap { $0.course.engines.map(\.engine) }).count > 1 else { return nil }
    let uses = known.map { "\($0.name): \(EngineUse.text($0.course.engines))" }
    return "different engines computed, so that seconds are not of one kind: "
      + uses.joined(separator: "; ")
  }

  private func lossRemark(_ run: ReportedRun) -> String? {
    LostSteps.text(run.course.lostSteps).map { "the log of \(run.name) has lost \($0)" }
  }

  private func machineRemark(_ runs: [ReportedRun]) -> String? {
    let machines = Set(runs.compactMap(\.machine))
    return machines.count > 1
      ? "seconds were measured on different machines: "
        + machines.sorted().joined(separator: "; ")
      : nil
  }
}
