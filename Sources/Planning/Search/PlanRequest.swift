// SPDX-License-Identifier: Apache-2.0
import Architectures

/// What a plan is to reach.
public enum PlanGoal: Sendable, Hashable {
  /// The least compute to where the target, trained from scratch, is trained just long enough.
  case optimality
  /// The least compute to a final loss, in nats.
  case loss(Double)
  /// The least final loss for an amount of compute, in FLOPs.
  case compute(Double)
}

/// What to plan: the target, the law, the goal and the bounds.
public struct PlanRequest: Sendable {
  /// The model of the last stage.
  public var target: ModelConfiguration
  /// Tokens of an optimizer step.
  public var tokensPerStep: Double
  /// The law.
  public var law: ScalingLaw
  /// Laws that the measurements allow as well; empty for a law without measurements.
  public var draws: [ScalingLaw]
  /// The confidence of the saving's interval.
  public var confidence: Double
  /// The sizes that the law was fitted to, in parameters without embeddings; nil where unknown.
  public var lawSizes: LawFit.Interval?
  /// Tokens of a step of the curves that the law was fitted to; nil where unknown.
  public var lawTokensPerStep: Double?
  /// The exponents that the law's measurements leave open; see ``LawFit/undetermined``.
  public var undetermined: [String] = []
  /// Where the law comes from, in words.
  public var lawSource: String
  /// What to reach.
  public var goal: PlanGoal
  /// How many stages there may be.
  public var stageCounts: ClosedRange<Int>
  /// Bounds on N of a stage over N of the one before.
  public var sizeRatios: ClosedRange<Double>
  /// The most steps that a model may have taken, from its own beginning or from where a model of its
  /// size would have begun, when it is grown; nil for any number.
  ///
  /// A run whose learning rate falls gives the length of its schedule, which the steps are counted on.
  public var latestGrowthStep: Double?
  /// What the search minimises.
  public var computeCount: ComputeCount
  /// The share of the steps at which late depth expansion grows.
  public var lateExpansionShare: Double
  /// Which models can be grown into which.
  public var reachable: any ReachableConfigurations

  /// Makes a request, with the published law and at most three stages.
  public init(
    target: ModelConfiguration, tokensPerStep: Double, law: ScalingLaw = .kaplan,
    draws: [ScalingLaw] = [], confidence: Double = 0.9, lawSizes: LawFit.Interval? = nil,
    lawSource: String = "Kaplan et al., arXiv 2001.08361", goal: PlanGoal = .optimality,
    stageCounts: ClosedRange<Int> = 1...3, sizeRatios: ClosedRange<Double> = 1.2...10,
    latestGrowthStep: Double? = nil, computeCount: ComputeCount = .sixN,
    lateExpansionShare: Double = 0.8,
    reachable: any ReachableConfigurations = IntegerGrowth()
  ) {
    self.target = target
    self.tokensPerStep = tokensPerStep
    self.law = law
    self.draws = draws
    self.confidence = confidence
    self.lawSizes = lawSizes
    self.lawSource = lawSource
    self.goal = goal
    self.stageCounts = stageCounts
    self.sizeRatios = sizeRatios
    self.latestGrowthStep = latestGrowthStep
    self.computeCount = computeCount
    self.lateExpansionShare = lateExpansionShare
    self.reachable = reachable
  }

  /// Makes a request from a fit.
  public init(
    target: ModelConfiguration, tokensPerStep: Double, fit: LawFit, goal: PlanGoal = .optimality,
    stageCounts: ClosedRange<Int> = 1...3
  ) {
    self.init(
      target: target, tokensPerStep: tokensPerStep, law: fit.law, draws: fit.draws,
      confidence: fit.confidence, lawSizes: fit.sizes,
      lawSource: "a fit to \(fit.pointCount) points of \(fit.curves.joined(separator: ", "))",
      goal: goal, stageCounts: stageCounts)
    lawTokensPerStep = fit.tokensPerStep
    undetermined = fit.undetermined
  }

  /// Checks the numbers.
  ///
  /// - Throws: ``PlanningError`` of code `invalidValue` naming the first that does not fit.
  public func validate() throws {
    let check = PlanningError.checkValue
    try law.validate()
    try check(PlanningError.tokensPerStep.contains(tokensPerStep), "tokensPerStep") {
      "\(tokensPerStep); expected a positive number, at most 2^53"
    }
    try check(stageCounts.lowerBound >= 1 && stageCounts.upperBound <= 4, "stages") {
      "\(stageCounts.lowerBound) to \(stageCounts.upperBound); expected 1 to 4"
    }
    try check(sizeRatios.lowerBound > 1 && sizeRatios.upperBound.isFinite, "sizeRatios") {
      "from \(sizeRatios.lowerBound); expected ratios above 1"
    }
    try check(latestGrowthStep ?? 1 > 0, "latestGrowthStep") {
      "\(latestGrowthStep ?? 0); expected a positive number of steps"
    }
    try check(lateExpansionShare > 0 && lateExpansionShare < 1, "lateExpansionShare") {
      "\(lateExpansionShare); expected a share between 0 and 1"
    }
    switch goal {
    case .optimality: break
    case .loss(let loss):
      try check(loss.isFinite && loss > 0, "loss") { "\(loss); expected a positive loss in nats" }
    case .compute(let flops):
      try check(flops.isFinite && flops > 0, "compute") {
        "\(flops); expected a positive number of FLOPs"
      }
    }
  }
}
