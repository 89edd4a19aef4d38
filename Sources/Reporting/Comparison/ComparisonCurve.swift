// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What one member of a group brings to a comparison: the curve of a run, or the line through the
/// ends of several.
struct ComparisonCurve {
  var name: String
  /// Loss over compute.
  var compute: MonotoneCurve
  /// Loss over wall time.
  var seconds: MonotoneCurve

  /// Makes a curve of a run after its last growth, or of the ends of runs.
  ///
  /// - Throws: ``ReportingError`` where there is no validation.
  init(_ runs: [ReportedRun], basis: RunComparison.Basis, name: String) throws {
    func points(_ measure: RunCourse.Measure) -> [Chart.Point] {
      runs.flatMap { run in
        switch basis {
        case .curves: run.course.validationCurve(measure, stage: .last)
        case .ends:
          run.lastEvaluation.map { [Chart.Point($0.amount(measure), $0.validationLoss)] } ?? []
        }
      }
    }
    guard let compute = MonotoneCurve(points(.compute)),
      let seconds = MonotoneCurve(points(.seconds))
    else {
      throw ReportingError(
        .nothingToCompare,
        "the log has no validation loss (after the last growth); comparisons need 'evaluate' in "
          + "the recipe and validation text", subject: name)
    }
    self.name = name
    self.compute = compute
    self.seconds = seconds
  }

  func curve(_ measure: RunComparison.Cost) -> MonotoneCurve {
    measure == .compute ? compute : seconds
  }
}

extension MonotoneCurve {
  /// The log amount at which a loss is reached; a bound where the curve begins below the loss or
  /// ends above it.
  func logAmount(atLoss loss: Double) -> Contrast.LogRatio {
    if let amount = amount(atLoss: loss) { return .init(value: log(amount), bound: .exact) }
    return loss > losses.upperBound
      ? .init(value: log(amounts.lowerBound), bound: .atMost)
      : .init(value: log(amounts.upperBound), bound: .atLeast)
  }
}

extension Contrast.LogRatio {
  /// The ratio of two amounts; nil where their bounds say nothing together.
  static func of(_ first: Self, to second: Self) -> Self? {
    let value = first.value - second.value
    let opposite: Contrast.Bound =
      switch second.bound {
      case .exact: .exact
      case .atLeast: .atMost
      case .atMost: .atLeast
      }
    switch (first.bound, opposite) {
    case (let bound, .exact), (.exact, let bound): return .init(value: value, bound: bound)
    case (.atLeast, .atLeast), (.atMost, .atMost): return .init(value: value, bound: first.bound)
    default: return nil
    }
  }
}
