// SPDX-License-Identifier: Apache-2.0
import Statistics
import Testing

@Suite("Student's t")
struct StudentDistributionTests {
  // Abramowitz & Stegun, table 26.10.
  @Test(
    "quantiles are those of the tables",
    arguments: [
      (0.95, 1.0, 12.7062), (0.95, 2, 4.3027), (0.95, 4, 2.7764), (0.95, 10, 2.2281),
      (0.95, 30, 2.0423), (0.95, 120, 1.9799), (0.9, 3, 2.3534), (0.99, 5, 4.0321),
      (0.5, 2, 0.8165),
    ])
  func table(confidence: Double, degrees: Double, expected: Double) {
    let quantile = StudentDistribution.twoSidedQuantile(confidence: confidence, degrees: degrees)
    #expect(abs(quantile - expected) < 6e-5)
  }

  @Test("with two degrees of freedom the tail has a closed form")
  func closedForm() {
    for t in [0.01, 0.5, 1, 3, 50, 1000.0] {
      let expected = 1 - t / (2 + t * t).squareRoot()
      #expect(abs(StudentDistribution.tail(t, 2) - expected) < 1e-12)
    }
  }
}
