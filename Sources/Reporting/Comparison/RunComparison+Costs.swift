// SPDX-License-Identifier: Apache-2.0
import Foundation

extension RunComparison {
  /// Runs whose total compute differs by no more than this share are of one length.
  static let lengthTolerance = 0.02

  /// The ends where all learning rates have decayed and the baseline has several lengths.
  static func basis(for all: [ReportedRun], scratch: [Member]) -> Basis {
    let isDecayed = all.allSatisfy { $0.decay == .complete }
    return isDecayed && lengths(scratch.map(\.flops)) > 1 ? .ends : .curves
  }

  /// How many different totals there are.
  static func lengths(_ totals: [Double]) -> Int {
    var last: Double?
    return totals.sorted().count { total in
      if let reference = last, total <= reference * (1 + lengthTolerance) { return false }
      last = total
      return true
    }
  }

  /// The baseline's curves: of each run; or the frontier of each seed's runs, where every seed has
  /// several lengths, else one frontier of all.
  static func baseline(_ scratch: [ReportedRun], basis: Basis) throws -> [ComparisonCurve] {
    guard basis == .ends else {
      return try scratch.map { try ComparisonCurve([$0], basis: basis, name: $0.name) }
    }
    let seeds = Dictionary(grouping: scratch) { $0.seed }
    let haveLengths = seeds.values.allSatisfy { runs in
      lengths(runs.compactMap { $0.lastEvaluation?.flops }) > 1
    }
    guard haveLengths, seeds[nil] == nil else {
      return [try ComparisonCurve(scratch, basis: basis, name: "frontier")]
    }
    return try seeds.sorted { $0.key ?? 0 < $1.key ?? 0 }.map { seed, runs in
      try ComparisonCurve(runs, basis: basis, name: "frontier of seed \(seed ?? 0)")
    }
  }

  /// The loss that all curves reach, and the compute that all of them come to.
  mutating func settleCommonPlaces(_ first: [ComparisonCurve], _ second: [ComparisonCurve]) {
    let curves = (first + second).map(\.compute)
    loss = loss ?? curves.map(\.losses.lowerBound).max()
    flops = curves.map(\.amounts.upperBound).min()
  }

  /// The cost of each staged run at its place of comparison, against the baseline's there.
  func saving(
    _ cost: Cost, of first: [ComparisonCurve], against second: [ComparisonCurve], confidence: Double
  ) -> Contrast? {
    let ratios = first.map { staged -> [Contrast.LogRatio?] in
      let loss = loss ?? staged.compute.losses.lowerBound
      let spent = staged.curve(cost).logAmount(atLoss: loss)
      return second.map { scratch -> Contrast.LogRatio? in
        .of(spent, to: scratch.curve(cost).logAmount(atLoss: loss))
      }
    }
    return Contrast(
      names: first.map(\.name), ratios: ratios, reading: .saving, confidence: confidence)
  }

  /// The loss of each staged run at its place of comparison, against the baseline's there.
  func excess(
    _ first: [ComparisonCurve], _ second: [ComparisonCurve], _ confidence: Double
  ) -> Contrast? {
    let ratios = first.map { staged -> [Contrast.LogRatio?] in
      let amount = flops ?? staged.compute.amounts.upperBound
      let loss = staged.compute.loss(atAmount: amount)
      return second.map { scratch in
        guard let loss, let other = scratch.compute.loss(atAmount: amount) else { return nil }
        return Contrast.LogRatio(value: log(loss / other), bound: .exact)
      }
    }
    return Contrast(
      names: first.map(\.name), ratios: ratios, reading: .excess, confidence: confidence)
  }
}
