// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import RunLogs
import Training

/// What a run tells of while it works.
public enum TrainingRunEvent: Sendable {
  /// Text is being made into tokens; `share` is nil where the amount is unknown.
  case preparing(PreparationStage, share: Double?)
  /// Something worth knowing that stops nothing.
  case note(String)
  /// Something that is not as it should be, which the run goes on in spite of.
  case warning(String)
  /// A checkpoint is damaged and passed over.
  case damagedCheckpoint(CheckpointStore.Damaged)
  /// Everything is in place; steps follow.
  case ready(TrainingRunOutline)
  /// A step was taken.
  case step(StepRecord, ProgressMeter.Reading?)
  /// The validation text was scored.
  case evaluation(EvaluationRecord)
  /// The state was saved.
  case saved(URL, step: Int)
  /// A stage is over, and the state is being grown.
  case growing(from: ModelConfiguration, to: ModelConfiguration, step: Int)
  /// The state was grown, and the growth proven.
  case grown(StageGrowth)
}

/// Who hears of a run, and may end it.
struct RunObserver {
  /// Hears of everything on the way.
  let hear: @Sendable (TrainingRunEvent) -> Void
  /// Asked on the way; true ends the session.
  let isInterrupted: () -> Bool

  func note(_ text: String) { hear(.note(text)) }
  func warn(_ text: String) { hear(.warning(text)) }
}

/// The parts of making text into tokens.
public enum PreparationStage: String, Sendable, Hashable, CaseIterable, Codable {
  /// A tokenizer learns its vocabulary.
  case trainingTokenizer
  /// Text becomes tokens.
  case encoding
}

/// What is about to be trained.
public struct TrainingRunOutline: Sendable, Hashable, Codable {
  /// The engine's name.
  public var engine: String
  /// The number format of the products.
  public var precision: Precision
  /// All parameters.
  public var parameterCount: Int
  /// Parameters without embeddings.
  public var parameterCountWithoutEmbeddings: Int
  /// Exact floating-point operations of training per token.
  public var trainingFLOPsPerToken: Double
  /// Tokens of training text.
  public var trainingTokens: Int
  /// Tokens of validation text.
  public var validationTokens: Int
  /// Steps already taken.
  public var step: Int
  /// What the run goes on from: a checkpoint, or nothing for a new run.
  public var resumedFrom: URL?
  /// The stage that begins or goes on, from 1; nil for a run of one model.
  public var stage: Int?
  /// The stages of the run; nil for a run of one model.
  public var stageCount: Int?
  /// Where the stage ends at the latest, counted from the run's first step; nil where only the run's end
  /// ends it.
  public var stageEnd: TrainingDuration?
  /// The run's planned length, as its first step counts and as far as growths have moved its end; nil
  /// where only a loss ends it.
  public var length: TrainingDuration?
  /// The engine's floating-point operations per second at best; nil where it could not be measured.
  public var peak: Double?
}

/// How a run ended this time.
public struct TrainingRunSummary: Sendable, Hashable, Codable {
  /// Why training ended.
  public enum Outcome: String, Sendable, Hashable, CaseIterable, Codable {
    /// The planned length was reached.
    case finished
    /// The loss to stop at was reached.
    case reachedLoss
    /// The user interrupted it; it can be resumed.
    case interrupted
    /// The planned length was reached in a stage before the last: the model is not the recipe's.
    case endedSmall
  }
  /// Why training ended.
  public var outcome: Outcome
  /// The run's directory.
  public var run: String
  /// The last checkpoint.
  public var checkpoint: String?
  /// Steps taken, over all sessions.
  public var steps: Int
  /// Input tokens trained on, over all sessions.
  public var tokens: Int
  /// Floating-point operations of training, over all sessions.
  public var flops: Double
  /// Wall time of training, over all sessions.
  public var seconds: Double
  /// The last step's training loss, in nats per token; nil where no step was taken.
  public var loss: Double?
  /// The last validation loss, in nats per token; nil where none was measured.
  public var validationLoss: Double?
  /// What evaluations have cost; nil where none was made.
  ///
  /// Its operations are not among ``flops``, its seconds are among ``seconds``.
  public var evaluation: EvaluationCost?
  /// Batches left out because their loss or gradient was out of order; nil where none was.
  public var skippedBatches: Int?
  /// How often the run went back to a good checkpoint; nil where it never did.
  public var rollbacks: Int?
  /// The stage that the run ended in, from 1; nil for a run of one model.
  public var stage: Int?
  /// The stages of the run; nil for a run of one model.
  public var stageCount: Int?
  /// Stages, from 1, whose model took no step before it was grown; nil where there are none.
  public var skippedStages: [Int]?
  /// Newer checkpoints than the one that this session began with that are damaged; nil where there
  /// are none.
  public var passedOver: [PassedOverCheckpoint]?
  /// The page that shows the run; nil where none was written.
  public var report: String?
  /// The file that says where the session's time went; nil where none was written.
  public var profile: String?
}
