// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Growth
import Reporting
import RunLogs
import Training
import Wording

/// What a run has come to.
public struct RunInspection: Sendable, Encodable {
  /// A checkpoint of the run.
  public struct Checkpoint: Sendable, Hashable, Encodable {
    /// Its directory's name.
    public var name: String
    /// Steps taken when it was saved.
    public var step: Int
    /// What is wrong with it; nothing where it is whole.
    public var problems: [String]
  }

  /// A growth of the run, by the receipt that it kept.
  public struct Growth: Sendable, Hashable, Encodable {
    /// The stage that ended with it, from 1.
    public var stage: Int
    /// The receipt's path in the run's directory.
    public var receipt: String
    /// What was done; nil where the receipt cannot be read.
    public var operation: String?
    /// Steps taken before it.
    public var step: Int?
    /// What is wrong with the receipt; nil where it is whole.
    public var problem: String?
  }

  /// Steps that have no record.
  public struct LostRange: Sendable, Hashable, Encodable {
    /// The first of them.
    public var first: Int
    /// The last of them.
    public var last: Int
  }

  /// The last of something in the log.
  public struct Loss: Sendable, Hashable, Encodable {
    /// The step.
    public var step: Int
    /// Nats per token; nil where it was not finite.
    public var loss: Double?
  }

  /// The directory.
  public var path: String
  /// The recipe; nil where `run.json` or the recipe cannot be read, as ``problems`` then says.
  public var recipe: RecipeInspection?
  /// Values set over the recipe's.
  public var overrides: [String]
  /// Steps taken.
  public var steps: Int
  /// Input tokens trained on.
  public var tokens: Int
  /// Floating-point operations of training.
  public var flops: Double
  /// Wall time of training, in seconds.
  public var seconds: Double
  /// The part of the planned length that is done; nil where only a loss ends the run.
  public var shareDone: Double?
  /// What computed, from which step on; nothing where the log is of an older version.
  public var engines: [EngineUse]
  /// Steps without records, which the log lost and tells of since it was put in order.
  public var lostSteps: [LostRange]
  /// The last event, as the log names it.
  public var lastEvent: String?
  /// The last step's training loss.
  public var trainingLoss: Loss?
  /// The last validation loss.
  public var validationLoss: Loss?
  /// The lowest validation loss.
  public var bestValidationLoss: Loss?
  /// What evaluations had cost at the run's last end, beside its training; nil where the log does not
  /// say.
  public var evaluation: EvaluationCost?
  /// The training loss over the run, in one line of text.
  public var lossCurve: String
  /// The checkpoints, oldest first.
  public var checkpoints: [Checkpoint]
  /// The newest checkpoint that is whole, which every command takes; nil where none is.
  public var newestWhole: String?
  /// The last states of the stages so far.
  public var stages: [Checkpoint]
  /// What is wrong with the recipe, the plan, the log, or with files that the log tells of; nothing
  /// where all is well.
  public var problems: [String]
  /// Where the stages come from; nil for a run of one model.
  public var plan: RunPlan.Origin?
  /// How many stages the run has; nil for a run of one model.
  public var stageCount: Int?
  /// The growths so far.
  public var growths: [Growth]

  /// Looks at a run; where its `run.json` or recipe cannot be read, at what there is besides.
  init(_ url: URL, verify: Bool) throws {
    let directory = RunDirectory(url)
    let level: VerificationLevel = verify ? .checksums : .sizes
    var opened: (run: TrainingRun, problems: [StagingError])?
    var failure: String?
    do { opened = try TrainingRun.opened(url) } catch { failure = reason(of: error) }
    path = directory.path
    var history = RunHistory()
    var findings = RunFindings(opened, failure)
    recipe = findings.noting(opened?.run) {
      try RecipeInspection($0.recipe, $0.models, path: directory.recipe.path)
    }
    overrides = opened?.run.manifest.overrides.map(\.description) ?? []
    findings.noting { try history.read(directory.log) }
    (steps, tokens) = (history.progress.steps, history.progress.tokens)
    (flops, seconds) = (history.progress.floatingPointOperations, history.progress.seconds)
    shareDone = opened?.run.recipe.training.stop.after.map {
      $0.amount > 0 ? min(1, history.progress.amount($0.measure) / $0.amount) : 1
    }
    engines = history.events.engines
    lostSteps = history.events.lostSteps.map {
      LostRange(first: $0.lowerBound, last: $0.upperBound)
    }
    lastEvent = history.lastEvent
    trainingLoss = history.losses.last
    validationLoss = history.validationLosses.last
    bestValidationLoss = history.validationLosses.min {
      $0.loss ?? .infinity < $1.loss ?? .infinity
    }
    evaluation = history.evaluation
    lossCurve = Sparkline.draw(history.losses.map { $0.loss ?? .nan })
    checkpoints = try CheckpointStore(directory.checkpoints).list().map {
      Checkpoint($0.url, step: $0.step, level)
    }
    newestWhole = checkpoints.last { $0.problems.isEmpty }?.name
    stages = directory.stageNumbers.map { number in
      let url = directory.stage(number)
      let step = (try? TrainingState.status(in: url))?.progress.steps
      return Checkpoint(url, step: step ?? history.growths[number] ?? 0, level)
    }
    findings.compareLog(with: checkpoints, history)
    findings.checkTokens(verify: verify, wasTrained: steps > 0)
    problems = findings.problems
    plan = opened?.run.plan?.origin
    stageCount = opened?.run.plan?.stages.count
    growths = Self.growths(
      in: directory, stages: stageCount ?? (stages.isEmpty ? 0 : directory.stageNumbers.count + 1))
  }

  private static func growths(in directory: RunDirectory, stages: Int) -> [Growth] {
    (1..<max(1, stages)).compactMap { number in
      let url = directory.growth(number)
      guard FileManager.default.fileExists(atPath: url.path(percentEncoded: false)) else {
        return nil
      }
      let path = "stages/\(url.lastPathComponent)/\(GrowthReceipt.fileName)"
      if let damage = directory.damage(toReceiptOfGrowth: number) {
        return Growth(stage: number, receipt: path, problem: damage)
      }
      do {
        let receipt = try GrowthReceipt(reading: url)
        return Growth(
          stage: number, receipt: path, operation: receipt.path.operation, step: receipt.step)
      } catch {
        return Growth(stage: number, receipt: path, problem: "\(reason(of: error))")
      }
    }
  }
}

extension RunInspection.Checkpoint {
  init(_ url: URL, step: Int, _ level: VerificationLevel) {
    self.init(
      name: url.lastPathComponent, step: step,
      problems: CheckpointDirectory.problems(in: url, level: level).map(\.description))
  }
}

/// What a run's log says of its course.
struct RunHistory {
  private(set) var progress = TrainingProgress()
  private(set) var losses: [RunInspection.Loss] = []
  private(set) var validationLosses: [RunInspection.Loss] = []
  private(set) var lastEvent: String?
  /// Events that tell of engines and of lost steps.
  private(set) var events = RunCourse()
  private(set) var evaluation: EvaluationCost?
  /// The steps after which stages, counted from 1, were grown.
  private(set) var growths: [Int: Int] = [:]

  /// Reads a log; one that is not there yet is empty.
  mutating func read(_ log: URL) throws {
    let path = log.path(percentEncoded: false)
    guard FileManager.default.fileExists(atPath: path) else { return }
    var reader = try RunLogReader(path: path)
    while let record = try reader.next() { add(record) }
  }

  private mutating func add(_ record: RunRecord) {
    switch record {
    case .step(let step):
      progress = TrainingProgress(
        steps: step.step, tokens: step.tokens, floatingPointOperations: step.flops,
        seconds: step.seconds)
      losses.append(.init(step: step.step, loss: step.loss.isFinite ? step.loss : nil))
    case .evaluation(let evaluation):
      let loss = evaluation.validationLoss
      validationLosses.append(.init(step: evaluation.step, loss: loss.isFinite ? loss : nil))
    case .event(let event):
      lastEvent = event.event.rawValue
      if event.engine != nil || event.lostSteps != nil { events.add(record) }
      if event.event == .grown, case .integer(let stage)? = event.details["stage"] {
        growths[stage] = event.step
      }
      if let flops = event.evaluationFlops, let seconds = event.evaluationSeconds, flops.isFinite,
        seconds.isFinite
      {
        evaluation = EvaluationCost(floatingPointOperations: flops, seconds: seconds)
      }
    }
  }
}
