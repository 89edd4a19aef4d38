// SPDX-License-Identifier: Apache-2.0
import Architectures

/// A staged training: which models, for how long, grown when, and what it saves.
///
/// As JSON it has the fields' names and a format ``version``; readers ignore what they do not know.
public struct StagePlan: Sendable, Hashable, Codable {
  /// The newest format's version.
  public static let formatVersion = 1

  /// A growth at the end of a stage.
  public struct Growth: Sendable, Hashable, Codable {
    /// The growth in words, such as "width × 2, depth 6 → 12".
    public var operation: String
    /// N after / N before.
    public var sizeRatio: Double
    /// ρ: steps of the smaller model from its own beginning / steps that the larger one would have
    /// needed to the same loss.
    public var growthRatio: Double
    /// τ: the smaller model's slope d log L / d log C at the growth, at a constant batch.
    public var slopeThreshold: Double
    /// The step at which a model of the larger size, trained from scratch, has this loss: where to
    /// put its learning-rate schedule.
    public var targetStep: Int
  }

  /// A stage.
  public struct Stage: Sendable, Hashable, Codable {
    /// The model.
    public var model: ModelConfiguration
    /// N: parameters without embeddings.
    public var parameterCount: Int
    /// Optimizer steps of the stage.
    public var steps: Int
    /// Where the stage begins, in steps that a model of its size would have taken from scratch.
    public var effectiveStart: Int
    /// The expected loss at its end, in nats.
    public var loss: Double
    /// Tokens of the stage.
    public var tokens: Double
    /// Operations of the stage by the rule 6 · N · tokens.
    public var flopsBySixN: Double
    /// Operations of the stage as its program executes them.
    public var exactFLOPs: Double
    /// The growth at its end; nil for the last stage.
    public var growth: Growth?
  }

  /// The target trained from scratch to the same loss.
  public struct Scratch: Sendable, Hashable, Codable {
    /// Optimizer steps.
    public var steps: Int
    /// Operations by the rule 6 · N · tokens.
    public var flopsBySixN: Double
    /// Operations as its program executes them.
    public var exactFLOPs: Double
  }

  /// What is saved of the from-scratch compute.
  public struct Saving: Sendable, Hashable, Codable {
    /// The share of 1, by the plan's count.
    public var share: Double
    /// The interval of the share from the fit's bootstrap; nil for a law without measurements.
    public var interval: LawFit.Interval?
    /// The interval's confidence; nil without one.
    public var confidence: Double?
  }

  /// Late depth expansion: almost the whole run with few layers, under warm-up, stable, decay, then
  /// the full depth (Bu, "Scaling depth capacity via zero/one-layer model expansion", arXiv
  /// 2511.04981).
  ///
  /// The law cannot price it, since its small model is outside of what laws are fitted to; only a
  /// trial tells its final loss.
  public struct LateExpansion: Sendable, Hashable, Codable {
    /// The small model.
    public var model: ModelConfiguration
    /// The share of all steps at which to grow straight to the target.
    public var share: Double
    /// Steps of the small model.
    public var smallSteps: Int
    /// Steps of the target.
    public var targetSteps: Int
    /// Operations by the rule 6 · N · tokens.
    public var flopsBySixN: Double
    /// Operations as the programs execute them.
    public var exactFLOPs: Double
    /// The share of the compute of as many steps from scratch that it does without, by the plan's
    /// count; what it gives up in loss for that is not known.
    public var computeSavedAtEqualTokens: Double
  }

  /// The format's version.
  public var version: Int
  /// How the operations were counted that were minimised.
  public var computeCount: ComputeCount
  /// The law.
  public var law: ScalingLaw
  /// Where the law comes from.
  public var lawSource: String
  /// Tokens of an optimizer step.
  public var tokensPerStep: Double
  /// The stages, the target's last.
  public var stages: [Stage]
  /// The target from scratch to the same loss.
  public var scratch: Scratch
  /// What the stages save.
  public var saving: Saving
  /// The slope d log L / d log C at which the target is trained just long enough, at a constant
  /// batch.
  public var optimalitySlope: Double
  /// Late depth expansion over as many tokens as from scratch, to be tried beside.
  public var lateExpansion: [LateExpansion]
  /// What to know before trusting the numbers.
  public var notes: [String]

  /// The expected final loss, in nats.
  public var loss: Double { stages.last?.loss ?? .nan }
  /// Operations of all stages by the rule 6 · N · tokens; growth itself costs next to none.
  public var flopsBySixN: Double { stages.reduce(0) { $0 + $1.flopsBySixN } }
  /// Operations of all stages as their programs execute them.
  public var exactFLOPs: Double { stages.reduce(0) { $0 + $1.exactFLOPs } }
  /// Operations of all stages by the plan's count.
  public var flops: Double { computeCount == .sixN ? flopsBySixN : exactFLOPs }
}
