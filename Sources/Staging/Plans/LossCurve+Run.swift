// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Planning

extension LossCurve {
  /// Reads the curve of a run from its directory: its validations up to the first growth.
  ///
  /// - Throws: `PlanningError` where the recipe leaves the model to a checkpoint or nothing was
  ///   validated, or its log contradicts its checkpoints or itself; ``StagingError`` where there is no run.
  public init(run url: URL, computeCount: ComputeCount = .sixN) throws {
    let run = try TrainingRun.open(url)
    let truth = try RunLogTruth(run)
    if let problem = truth.loss ?? truth.contradictions.first?.description {
      throw PlanningError(
        .invalidValue,
        "its log cannot be believed: \(problem). Put the log back as it was written, or leave the run "
          + "out", subject: url.relativePath)
    }
    guard let model = run.models?.models.first else {
      throw PlanningError(
        .invalidValue, "its recipe leaves the model to a checkpoint; fit runs that name theirs",
        subject: url.relativePath)
    }
    try self.init(
      runLog: run.directory.log.path(percentEncoded: false),
      parameterCount: Double(model.parameterCount().withoutEmbeddings),
      computeCount: computeCount)
  }
}
