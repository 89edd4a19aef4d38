// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What staged runs saved against runs from scratch: the cost at equal loss, and the loss at equal
/// cost.
///
/// Costs are totals over all stages. Losses are validation losses. A staged run counts from its last
/// growth on, when its model is the target.
///
///     let comparison = try RunComparison(staged: staged, scratch: scratch)
///     comparison.computeSaving?.mean   // 0.216: 21.6 % of the FLOPs
public struct RunComparison: Sendable, Hashable, Encodable {
  /// How runs are compared.
  public struct Configuration: Sendable, Hashable {
    /// The loss to compare at; nil for the lowest that all runs reached.
    public var loss: Double?
    /// What of the runs is compared; nil for what fits them.
    public var basis: Basis?
    /// The confidence of intervals.
    public var confidence: Double
    /// What to do with runs that differ in more than their stages.
    public var differences: Differences

    /// What to do with runs that differ in more than their stages.
    public enum Differences: Sendable, Hashable {
      /// Throw.
      case refuse
      /// Compare them all the same, and say so in the result.
      case mark
    }

    /// Makes a configuration.
    public init(
      loss: Double? = nil, basis: Basis? = nil, confidence: Double = 0.95,
      differences: Differences = .refuse
    ) {
      self.loss = loss
      self.basis = basis
      self.confidence = confidence
      self.differences = differences
    }
  }

  /// What of the runs is compared.
  public enum Basis: String, Sendable, Hashable, CaseIterable, Encodable {
    /// The curves of the runs: right where learning rates are constant.
    case curves
    /// The ends of the runs, those from scratch joined to a frontier of loss against cost: right for
    /// several lengths, each with its learning rate fully decayed.
    case ends
  }

  /// What is spent.
  public enum Cost: String, Sendable, Hashable, CaseIterable {
    /// Floating-point operations of training.
    case compute
    /// Wall time.
    case seconds
  }

  /// One run in short.
  public struct Member: Sendable, Hashable, Encodable {
    /// Its name.
    public var name: String
    /// The seed.
    public var seed: UInt64?
    /// The last validation loss.
    public var loss: Double
    /// Floating-point operations of training until then.
    public var flops: Double
    /// Wall time until then.
    public var seconds: Double
    /// Input tokens until then.
    public var tokens: Int
    /// d log L / d log C at the end; nil with too few validations.
    public var slopeAtEnd: Double?
    /// The state of the learning rate, in words.
    public var decay: String
  }

  /// What was compared.
  public var basis: Basis
  /// The loss that costs are compared at; nil for each staged run's last.
  public var loss: Double?
  /// The compute that losses are compared at; nil for each staged run's total.
  public var flops: Double?
  /// The share of the FLOPs saved at equal loss; nil where no run says anything of it.
  public var computeSaving: Contrast?
  /// The share of the wall time saved at equal loss.
  public var secondsSaving: Contrast?
  /// The relative difference of the losses at equal compute; below 0 where staged runs are better.
  public var lossExcess: Contrast?
  /// The staged runs.
  public var staged: [Member]
  /// The runs from scratch.
  public var scratch: [Member]
  /// Differences between the runs that were asked to be overlooked.
  public var differences: [Incomparability]
  /// What a reader of the numbers should know.
  public var notes: [String]

  /// Compares runs.
  ///
  /// - Throws: ``ReportingError``: of code `nothingToCompare` where a group is empty or a run has no
  ///   validation, `incomparable` where runs differ in data, tokenizer, model or decay and the
  ///   configuration does not overlook it, `invalidValue` for a loss or confidence out of range.
  public init(
    staged: [ReportedRun], scratch: [ReportedRun],
    configuration: Configuration = Configuration()
  ) throws {
    try Self.check(configuration)
    guard !staged.isEmpty, !scratch.isEmpty else {
      throw ReportingError(
        .nothingToCompare, "a comparison needs at least one run on each side",
        subject: staged.isEmpty ? "staged runs" : "runs from scratch")
    }
    differences = Incomparability.among(staged + scratch)
    if configuration.differences == .refuse, let first = differences.first {
      throw ReportingError(
        .incomparable, differences.map(\.message).joined(separator: "; "),
        subject: first.kind.rawValue)
    }
    self.staged = try staged.map(Member.init)
    self.scratch = try scratch.map(Member.init)
    basis = configuration.basis ?? Self.basis(for: scratch + staged, scratch: self.scratch)
    let chosen = basis
    let first = try staged.map { try ComparisonCurve([$0], basis: chosen, name: $0.name) }
    let second = try Self.baseline(scratch, basis: basis)
    loss = configuration.loss
    flops = nil
    notes = []
    if basis == .curves { settleCommonPlaces(first, second) }
    computeSaving = saving(
      .compute, of: first, against: second, confidence: configuration.confidence)
    secondsSaving = saving(
      .seconds, of: first, against: second, confidence: configuration.confidence)
    lossExcess = excess(first, second, configuration.confidence)
    notes = remarks(staged, scratch, baselines: second.count)
  }

  private static func check(_ configuration: Configuration) throws {
    if let loss = configuration.loss, !(loss > 0 && loss.isFinite) {
      throw ReportingError(
        .invalidValue, "\(loss) is no loss; expected a number of nats above 0", subject: "loss")
    }
    guard configuration.confidence > 0, configuration.confidence < 1 else {
      throw ReportingError(
        .invalidValue, "\(configuration.confidence) is not between 0 and 1", subject: "confidence")
    }
  }
}

extension RunComparison.Member {
  /// A run's end.
  ///
  /// - Throws: ``ReportingError`` of code `nothingToCompare` where it was never validated.
  init(_ run: ReportedRun) throws {
    guard let last = run.lastEvaluation else {
      throw ReportingError(
        .nothingToCompare,
        "the log has no validation loss; comparisons need 'evaluate' in the recipe and validation "
          + "text", subject: run.name)
    }
    self.init(
      name: run.name, seed: run.seed, loss: last.validationLoss, flops: last.flops,
      seconds: last.seconds, tokens: last.tokens,
      slopeAtEnd: LossSlope(run.course.validationCurve(.compute, stage: .last)).atEnd,
      decay: run.decay.description)
  }
}
