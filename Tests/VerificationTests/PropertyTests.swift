// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Testing
import Verification

/// Every operator on every architecture with tied and untied heads, in float32 and in float64: what it
/// declares is kept.
@Suite("Declared guarantees") struct PropertyTests {
  @Test("width", arguments: SmallModel.all, GrowthCase.widths)
  func width(_ model: SmallModel, _ growth: GrowthCase) throws { try prove(growth, model) }

  @Test("depth", arguments: SmallModel.all, GrowthCase.depths)
  func depth(_ model: SmallModel, _ growth: GrowthCase) throws { try prove(growth, model) }

  @Test("sequences", arguments: SmallModel.all, GrowthCase.sequences)
  func sequences(_ model: SmallModel, _ growth: GrowthCase) throws { try prove(growth, model) }

  @Test("single axes", arguments: SmallModel.all, GrowthCase.axes)
  func axes(_ model: SmallModel, _ growth: GrowthCase) throws { try prove(growth, model) }

  @Test("several axes", arguments: SmallModel.all, GrowthCase.compositions)
  func compositions(_ model: SmallModel, _ growth: GrowthCase) throws { try prove(growth, model) }

  private func prove(_ growth: GrowthCase, _ model: SmallModel) throws {
    guard growth.fits(model.configuration) else {
      #expect(throws: GrowthError.self) { try growth.growth.plans(from: model.configuration) }
      return
    }
    let plans = try growth.growth.plans(from: model.configuration)
    let report = try verify(model.trained(), plans)
    expectSound(report)
    try expectMeasured(report, plans)
  }

  /// A guarantee that nothing measured would be a comment.
  private func expectMeasured(_ report: VerificationReport, _ plans: [GrowthPlan]) throws {
    for check in report.checks where check.isDeclared ?? false {
      switch check.check {
      case .firstStep, .copyDistance, .closestCopies: break
      case .moments, .replay, .residual:
        #expect(check.float32 != nil, "\(check.check)")
      default: #expect(check.float32 != nil && check.float64 != nil, "\(check.check)")
      }
    }
    if !report.copyDistances.isEmpty {
      #expect(report[.copyDistance]?.float32 != nil && report[.copyDistance]?.float64 != nil)
      #expect(report[.closestCopies]?.float64 != nil)
    }
    for distance in report.copyDistances {
      // Whatever noise there is, equal copies of an input cancel it.
      #expect(distance.atGrowth < 1e-10, "\(distance)")
    }
  }
}
