// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Training

/// What was measured of a growth, and what that says of its guarantees.
public struct VerificationReport: Sendable, Hashable, Codable {
  /// What a check says.
  public enum Verdict: String, Sendable, Hashable, Codable {
    /// Declared, and measured to hold.
    case kept
    /// Declared, and measured not to hold.
    case broken
    /// Declared, and measured, but the numbers prove neither; ``Check/reason`` says why.
    case undecided
    /// Not declared, or by nobody known; ``Check/holds`` says what was measured.
    case notDeclared
    /// Nothing was measured; ``Check/reason`` says why.
    case notMeasurable
  }

  /// One check.
  public struct Check: Sendable, Hashable, Codable {
    /// What was measured.
    public var check: VerificationCheck
    /// The guarantee that it proves; nil for what must hold of every growth.
    public var guarantee: Guarantee?
    /// Whether the growth declares it; nil where nobody knows what it declares.
    public var isDeclared: Bool?
    /// The number in float32, and its bound.
    public var float32: MeasuredNumber?
    /// What the number in float32 must be.
    public var float32Bound: VerificationBound?
    /// The number in float64.
    public var float64: MeasuredNumber?
    /// What the number in float64 must be.
    public var float64Bound: VerificationBound?
    /// Whether every number that proves something is within its bound; nil where they prove neither.
    public var holds: Bool?
    /// What that says of the declaration.
    public var verdict: Verdict
    /// Why nothing was measured, or what the number does not show.
    public var reason: String?
  }

  /// The version of the format.
  public var formatVersion = 1
  /// The growths, for people; nil where they are not known.
  public var operation: String?
  /// The small model.
  public var small: ModelConfiguration
  /// The grown model.
  public var grown: ModelConfiguration
  /// Sequences and tokens of each batch, and the number of batches.
  public var batches: Batches
  /// Whether the float64 numbers are of models grown in float64, or of the files' values.
  public var float64Arithmetic: MeasuredArithmetic?
  /// The checks, in the order of ``VerificationCheck``.
  public var checks: [Check]
  /// How far the copies of each space are from each other, in float32 where an engine trains the
  /// models, else in float64.
  public var copyDistances: [CopyDistance]
  /// What has no gradient, in the same arithmetic.
  public var deadParameters: [DeadParameter]
  /// How far the residual streams are from each other after each block, the worst first; nil where
  /// nobody tells how the model was grown.
  public var streams: [StreamDifference]?
  /// The mean losses in float32 on the first batch.
  public var losses: Losses?
  /// What the type of the grown file's numbers lets the growth keep; nil for float32 and finer.
  public var rounding: FileRounding?
  /// How far float32 carries the small model itself from float64; nil where that was not measured.
  public var smallRounding: ModelRounding?
  /// Why float32 has logits, loss and streams only; nil where it has everything.
  public var float32Limit: String?
  /// Newer checkpoints of the models' runs that are damaged; nil where there are none.
  public var passedOver: [PassedOverCheckpoint]?

  /// What both models lose, in nats a token.
  public struct Losses: Sendable, Hashable, Codable {
    /// The small model.
    public var small: Double
    /// The grown model.
    public var grown: Double
  }

  /// What was measured on.
  public struct Batches: Sendable, Hashable, Codable {
    /// The number of batches.
    public var count: Int
    /// Sequences of each.
    public var sequenceCount: Int
    /// Tokens of each sequence.
    public var sequenceLength: Int
    /// Sequences of each batch in float64.
    public var exactSequenceCount: Int?
    /// Tokens of each sequence in float64.
    public var exactSequenceLength: Int?
    /// Steps of the trajectory.
    public var trajectorySteps: Int
    /// Steps after which the copies' distances were measured.
    public var symmetrySteps: Int
  }

  /// Where the streams part: the first block, and which of its branches, after which their distance
  /// exceeds the bound.
  public var parting: String? {
    self[.residual]?.float32Bound.flatMap { streams?.parting(beyond: $0.value) }
  }

  /// Whether every declared guarantee that was measured is proved to be kept.
  public var isSound: Bool { !isBroken && !checks.contains { $0.verdict == .undecided } }

  /// Whether a declared guarantee is proved to be broken.
  public var isBroken: Bool { checks.contains { $0.verdict == .broken } }

  /// One check's result.
  public subscript(_ check: VerificationCheck) -> Check? { checks.first { $0.check == check } }
}

extension VerificationReport.Check {
  /// Judges the numbers of a check.
  package init(
    _ check: VerificationCheck, isDeclared: Bool?, float32: MeasuredNumber?,
    float64: MeasuredNumber?,
    float64Arithmetic: MeasuredArithmetic?, rounding: FileRounding?,
    modelRounding: ModelRounding? = nil, reason: String?
  ) {
    self.check = check
    guarantee = check.guarantee
    self.isDeclared = isDeclared
    float32Bound = GuaranteeTolerances.bound(
      check, .float32, rounding: rounding, modelRounding: modelRounding)
    float64Bound = float64Arithmetic.flatMap {
      GuaranteeTolerances.bound(check, $0, rounding: rounding, modelRounding: modelRounding)
    }
    // A number without a bound says nothing.
    self.float32 = float32Bound.flatMap { _ in float32 }
    self.float64 = float64Bound.flatMap { _ in float64 }
    self.reason = reason
    func judge(
      _ number: inout MeasuredNumber?, _ bound: VerificationBound?, _ arithmetic: MeasuredArithmetic
    ) -> Finding? {
      guard let measured = number, let bound else { return nil }
      // What is not declared needs no proof that it is kept.
      if isDeclared != false {
        number?.doubt = GuaranteeTolerances.doubt(
          of: measured, check, arithmetic, rounding: rounding, modelRounding: modelRounding)
      }
      return number?.doubt != nil ? .nothing : bound.admits(measured.value) ? .within : .beyond
    }
    let float32Finding = judge(&self.float32, float32Bound, .float32)
    let float64Finding = judge(&self.float64, float64Bound, float64Arithmetic ?? .float64)
    let findings = [float32Finding, float64Finding].compactMap { $0 }
    holds =
      if findings.contains(.beyond) {
        false
      } else if float64Finding == .within && float64Arithmetic == .float64 {
        // What the growth makes in float64 decides where float32 proves nothing, and not the other
        // way round.
        true
      } else {
        findings.isEmpty || findings.contains(.nothing) ? nil : true
      }
    verdict =
      switch (holds, isDeclared) {
      case _ where findings.isEmpty: .notMeasurable
      case (_, nil), (_, false?): .notDeclared
      case (let holds?, true?): holds ? .kept : .broken
      case (nil, true?): .undecided
      }
    if holds == nil, let doubt { self.reason = doubt }
  }

  /// What one number says.
  private enum Finding { case within, beyond, nothing }

  /// Why the numbers prove nothing; nil where they do.
  private var doubt: String? {
    let (one, other) = (float32?.doubt, float64?.doubt)
    if let one, one == other { return one }
    let doubts = [
      one.map { "\($0) (in float32)" }, other.map { "\($0) (in float64)" },
    ].compactMap { $0 }
    return doubts.isEmpty ? nil : doubts.joined(separator: "; ")
  }
}
