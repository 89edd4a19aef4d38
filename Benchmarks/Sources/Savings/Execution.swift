// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// Trains what a bed plans: the text's tokens lie in a folder, the runs in a folder of the bed there.
public struct Execution {
  /// The bed.
  public let bed: Bed
  /// The folder: `tokens`, and the bed's folder with its runs.
  public let folder: URL
  /// Makes the engine of a run.
  let engine: @Sendable () -> any TrainingEngine
  private let textChecksum: String

  /// Prepares to train; the folder must hold the bed's tokens.
  ///
  /// - Throws: ``BedError`` where the tokens are missing or are not those of the bed's results.
  public init(
    _ bed: Bed, in folder: URL, engine: @escaping @Sendable () -> any TrainingEngine
  ) throws {
    self.bed = bed
    self.folder = folder
    self.engine = engine
    let tokens = folder.appending(path: "tokens")
    do { textChecksum = try TokenDataset.open(tokens).manifest.identity } catch {
      throw BedError("\(tokens.path) has no tokens of the bed '\(bed.name)': \(error)")
    }
    for result in try ResultTable(bed).results.values where result.text != textChecksum {
      throw BedError(
        "\(tokens.path) is another text than that of the result '\(result.run)'; results of two texts "
          + "do not compare: take the other text, or move \(bed.results.path) away")
    }
  }

  /// Trains one run to its end, from where it stands, and says what it came to.
  ///
  /// - Parameter isInterrupted: asked after every step.
  /// - Returns: nil where it was interrupted; it goes on the next time.
  public func result(
    of planned: PlannedRun, isInterrupted: @escaping () -> Bool
  ) throws -> RunResult? {
    let directory = folder.appending(path: bed.name).appending(path: planned.name)
    let recipe = planned.recipe(of: bed, in: folder)
    let run: TrainingRun
    if FileManager.default.fileExists(atPath: directory.appending(path: "run.json").path) {
      run = try TrainingRun.resume(directory)
      guard try run.recipeFile.recipe() == recipe.recipe() else {
        throw BedError(
          "\(directory.path) is a run of another recipe than the bed's; move it away")
      }
    } else {
      run = try TrainingRun.create(directory, recipe: recipe)
    }
    do {
      let summary = try run.train(engine: engine(), isInterrupted: isInterrupted)
      if summary.outcome == .interrupted { return nil }
      guard summary.outcome == .finished else {
        throw BedError("\(directory.path): the run did not come to its end: \(summary.outcome)")
      }
      return try result(of: planned, in: directory, loss: summary.validationLoss)
    } catch let error as TrainingError where error.code == .nonFiniteLoss {
      // A rate that is too high is a result as well.
      return try result(of: planned, in: directory, loss: nil)
    }
  }

  private func result(
    of planned: PlannedRun, in directory: URL, loss: Double?
  ) throws -> RunResult {
    let run = try ReportedRun(readingFrom: directory)
    let course = run.course
    let stages = RunStage.stages(of: run)
    let peak = course.steps.map(\.learningRate).max() ?? 0
    let firstDecayed =
      course.steps.last { $0.learningRate >= peak * (1 - 1e-9) }.map { $0.step + 1 } ?? .max
    let end = course.steps.last
    return RunResult(
      of: planned, target: bed.target, text: textChecksum, engine: engine().name, loss: loss,
      flops: end?.flops ?? 0, tokens: end?.tokens ?? 0,
      stages: stages.map {
        .init(model: $0.model ?? "", steps: $0.end.steps - $0.start.steps)
      },
      validations: course.evaluations.map { record in
        RunResult.Validation(
          step: record.step, flops: record.flops, loss: record.validationLoss,
          isUndecayed: record.step < firstDecayed,
          stage: 1 + stages.dropLast().count { $0.end.steps < record.step })
      })
  }
}
