// SPDX-License-Identifier: Apache-2.0

/// One line of a run's `log.jsonl`: a flat JSON object whose `kind` tells which.
///
/// Numbers that are not finite stand as `null` and read back as NaN, so every line is valid JSON and
/// a column of a table stays numeric. Readers ignore keys that they do not know.
public enum RunRecord: Sendable, Hashable {
  /// `"kind": "step"`: an optimizer step.
  case step(StepRecord)
  /// `"kind": "evaluation"`: a validation.
  case evaluation(EvaluationRecord)
  /// `"kind": "event"`: anything else that happened.
  case event(EventRecord)

  /// The optimizer steps taken when the record was written.
  public var step: Int {
    switch self {
    case .step(let record): record.step
    case .evaluation(let record): record.step
    case .event(let record): record.step
    }
  }
}

/// An optimizer step, after it was taken.
public struct StepRecord: Sendable, Hashable {
  /// The step's number, from 1.
  public var step: Int
  /// Mean training loss of the step's targets before the update, in nats.
  public var loss: Double
  /// Input tokens trained on so far, this step's among them.
  public var tokens: Int
  /// Floating-point operations of training so far.
  public var flops: Double
  /// Wall time of training so far, over all sessions, in seconds.
  public var seconds: Double
  /// The scheduled learning rate of the step.
  public var learningRate: Double
  /// The global norm of the step's gradient before the clip.
  public var gradientNorm: Double
  /// Sequences of the step.
  public var sequences: Int
  /// Tokens of each sequence.
  public var sequenceLength: Int
  /// The smoothed gradient-noise scale in sequences, tr(Σ) / |G|²; nil unless measured at this step.
  public var gradientNoiseScale: Double?
  /// The noise scale in tokens, which estimates the critical batch size; nil unless measured.
  public var criticalBatchTokens: Double?

  /// Makes a record.
  public init(
    step: Int, loss: Double, tokens: Int, flops: Double, seconds: Double, learningRate: Double,
    gradientNorm: Double, sequences: Int, sequenceLength: Int, gradientNoiseScale: Double? = nil,
    criticalBatchTokens: Double? = nil
  ) {
    self.step = step
    self.loss = loss
    self.tokens = tokens
    self.flops = flops
    self.seconds = seconds
    self.learningRate = learningRate
    self.gradientNorm = gradientNorm
    self.sequences = sequences
    self.sequenceLength = sequenceLength
    self.gradientNoiseScale = gradientNoiseScale
    self.criticalBatchTokens = criticalBatchTokens
  }
}

/// A validation.
public struct EvaluationRecord: Sendable, Hashable {
  /// Optimizer steps taken before it.
  public var step: Int
  /// Mean loss of the validation targets, in nats.
  public var validationLoss: Double
  /// Input tokens trained on so far.
  public var tokens: Int
  /// Floating-point operations of training so far.
  public var flops: Double
  /// Wall time of training so far, in seconds.
  public var seconds: Double
  /// The number of targets scored.
  public var targets: Int
  /// Tokens of the whole validation text, of which all but the first can be targets; nil in logs of
  /// older versions, which scored the beginning of the text.
  public var validationTokens: Int?

  /// Makes a record.
  public init(
    step: Int, validationLoss: Double, tokens: Int, flops: Double, seconds: Double, targets: Int,
    validationTokens: Int? = nil
  ) {
    self.step = step
    self.validationLoss = validationLoss
    self.tokens = tokens
    self.flops = flops
    self.seconds = seconds
    self.targets = targets
    self.validationTokens = validationTokens
  }
}

/// Something that happened to a run.
public struct EventRecord: Sendable, Hashable {
  /// What happened; open to names that this library does not know.
  public struct Name: Sendable, Hashable, RawRepresentable, ExpressibleByStringLiteral {
    /// The name in the log.
    public var rawValue: String

    /// Makes a name.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// Makes a name from a literal.
    public init(stringLiteral value: String) { rawValue = value }

    /// The run began.
    public static let started: Name = "started"
    /// The run went on from a checkpoint.
    public static let resumed: Name = "resumed"
    /// Values were set over the recipe's from here on.
    public static let changed: Name = "changed"
    /// The run begins with another training's state, of whose settings the recipe replaces some.
    public static let continued: Name = "continued"
    /// The state was saved.
    public static let checkpoint: Name = "checkpoint"
    /// The user stopped the run after this step.
    public static let interrupted: Name = "interrupted"
    /// The run stopped at the loss that it should reach.
    public static let stopped: Name = "stopped"
    /// The run came to its planned end.
    public static let finished: Name = "finished"
    /// Loss, gradient or weights were not finite, and the run stopped; nothing was changed or saved.
    public static let nonFiniteLoss: Name = "nonFiniteLoss"
    /// The loss rose at once, and the run stopped; nothing was changed or saved.
    public static let lossSpike: Name = "lossSpike"
    /// A batch with a loss or gradient out of order was left out.
    public static let batchSkipped: Name = "batchSkipped"
    /// The run went back to a good checkpoint and leaves out the batches since.
    public static let rolledBack: Name = "rolledBack"
    /// A stage of the run begins, after a growth.
    public static let stageStarted: Name = "stageStarted"
    /// A stage of the run is over.
    public static let stageEnded: Name = "stageEnded"
    /// The model was grown.
    public static let grown: Name = "grown"
    /// Records of the steps up to this event's were lost before the log was put in order.
    public static let logGap: Name = "logGap"
    /// A promise of a growth was measured.
    public static let verified: Name = "verified"
  }

  /// What happened.
  public var event: Name
  /// Optimizer steps taken before it.
  public var step: Int
  /// Input tokens trained on so far.
  public var tokens: Int
  /// Floating-point operations of training so far.
  public var flops: Double
  /// Wall time of training so far, in seconds.
  public var seconds: Double
  /// More about it.
  public var details: [String: LogValue]

  /// Makes a record.
  public init(
    event: Name, step: Int, tokens: Int, flops: Double, seconds: Double,
    details: [String: LogValue] = [:]
  ) {
    self.event = event
    self.step = step
    self.tokens = tokens
    self.flops = flops
    self.seconds = seconds
    self.details = details
  }
}

extension EventRecord {
  /// The detail of an end's event with the operations that evaluations took beside the training.
  public static let evaluationFlopsKey = "evaluationFlops"
  /// The detail of an end's event with the seconds of the run's that evaluations took.
  public static let evaluationSecondsKey = "evaluationSeconds"

  /// Floating-point operations of all evaluations so far, which ``flops`` leaves out; nil where the
  /// event does not say.
  public var evaluationFlops: Double? { details[Self.evaluationFlopsKey]?.real }
  /// Wall time of all evaluations so far, a part of ``seconds``; nil where the event does not say.
  public var evaluationSeconds: Double? { details[Self.evaluationSecondsKey]?.real }
}

extension EventRecord {
  /// Whether something was out of order: a loss, a gradient or weights.
  public var isTrouble: Bool {
    [Name.nonFiniteLoss, .lossSpike, .batchSkipped, .rolledBack].contains(event)
  }

  /// What was out of order, for people: `step 12: the loss is nan`.
  public var trouble: String {
    func text(_ key: String) -> String? { details[key]?.plainText }
    let quantity = text("quantity") ?? "loss"
    let subject = text("parameter").map { "\(quantity) of \($0)" } ?? "the \(quantity)"
    let value = text("value").map { " is \($0)" } ?? " is out of order"
    let limit = text("limit").map { ", above \($0)" } ?? ""
    return "step \(text("failedStep") ?? "\(step)"): \(subject)\(value)\(limit)"
  }
}

/// A detail of an event.
public enum LogValue: Sendable, Hashable {
  case text(String)
  case integer(Int)
  /// A real number; one that is whole reads back as ``integer(_:)``.
  case number(Double)
  case flag(Bool)
}

extension LogValue {
  /// The value as people write it.
  fileprivate var plainText: String {
    switch self {
    case .text(let text): text
    case .integer(let count): "\(count)"
    case .number(let number): "\(number)"
    case .flag(let flag): "\(flag)"
    }
  }

  /// The number, whole or not; nil for any other value.
  fileprivate var real: Double? {
    switch self {
    case .integer(let count): Double(count)
    case .number(let number): number
    case .text, .flag: nil
    }
  }
}

extension LogValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral
{
  /// A text.
  public init(stringLiteral value: String) { self = .text(value) }
  /// A whole number.
  public init(integerLiteral value: Int) { self = .integer(value) }
  /// A real number.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// A truth value.
  public init(booleanLiteral value: Bool) { self = .flag(value) }
}
