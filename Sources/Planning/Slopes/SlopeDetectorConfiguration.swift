// SPDX-License-Identifier: Apache-2.0

/// How a slope detector decides.
public struct SlopeDetectorConfiguration: Sendable, Hashable, Codable {
  /// Which detector.
  public enum Method: String, Sendable, Hashable, Codable, CaseIterable {
    /// A robust fit over a window, with its confidence interval and persistence.
    case robust
    /// The paper's, see ``LiteralSlopeDetector``.
    case literal
  }

  /// Which detector.
  public var method: Method
  /// τ: the slope d log L / d log C to wait for, below 0.
  public var threshold: Double
  /// The window: how far below the newest point's log10 C its oldest point lies.
  public var windowDecades: Double
  /// How fast the slope itself flattens within the window, as exp(−curvature · Δ ln C); 0 is a
  /// straight line in log-log space, 0.76 the published law's αS.
  public var curvature: Double
  /// The two-sided confidence of the interval, between 0 and 1.
  public var confidence: Double
  /// Points in a row whose whole interval lies above the threshold, before it counts as crossed.
  public var persistence: Int
  /// The fewest points of a fit.
  public var fewestPoints: Int
  /// Growth of log10 C from the first point after which the detector no longer insists on having
  /// seen a slope below the threshold.
  ///
  /// It insists at first because the loss of a young model stands
  /// still while the learning rate warms up.
  public var armingDecades: Double

  /// Makes a configuration; ``validate()`` checks it.
  public init(
    threshold: Double, method: Method = .robust, windowDecades: Double = 0.35,
    curvature: Double = 0.76, confidence: Double = 0.9, persistence: Int = 3,
    fewestPoints: Int = 8, armingDecades: Double = 1
  ) {
    self.method = method
    self.threshold = threshold
    self.windowDecades = windowDecades
    self.curvature = curvature
    self.confidence = confidence
    self.persistence = persistence
    self.fewestPoints = fewestPoints
    self.armingDecades = armingDecades
  }

  /// Checks the numbers.
  ///
  /// - Throws: ``PlanningError`` of code `invalidValue` naming the first that does not fit.
  public func validate() throws {
    let check = PlanningError.checkValue
    try check(threshold.isFinite && threshold < 0, "slope.threshold") {
      "\(threshold); expected a negative slope, such as -0.0475"
    }
    try check((0.05...2).contains(windowDecades), "slope.windowDecades") {
      "\(windowDecades); expected 0.05 to 2 decades"
    }
    try check((0...4).contains(curvature), "slope.curvature") {
      "\(curvature); expected 0 to 4"
    }
    try check(confidence > 0 && confidence < 1, "slope.confidence") {
      "\(confidence); expected a share between 0 and 1"
    }
    try check((1...1000).contains(persistence), "slope.persistence") {
      "\(persistence); expected 1 to 1000 points"
    }
    try check((4...SlopeDetector.mostPoints / 2).contains(fewestPoints), "slope.fewestPoints") {
      "\(fewestPoints); expected 4 to \(SlopeDetector.mostPoints / 2)"
    }
    try check(armingDecades >= 0 && armingDecades.isFinite, "slope.armingDecades") {
      "\(armingDecades); expected 0 or more decades"
    }
  }
}
