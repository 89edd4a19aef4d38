// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Planning
import Training

extension Recipe {
  /// What to say before a run begins whose slopes can hardly be seen: the validations are too far
  /// apart for the detector to say anything before the stage's latest moment.
  ///
  /// The robust detector fits the points of the last ``SlopeDetectorConfiguration/windowDecades`` of
  /// compute and wants several fits in a row, so that only the validations in that last part count.
  func slopeNotes(_ model: ModelConfiguration) -> [String] {
    guard let evaluation = training.evaluation else { return [] }
    let length = RunLength(training, contextLength: model.contextLength)
    guard let every = length.steps(evaluation.every), every > 0 else { return [] }
    var begin = 0.0
    return stages.enumerated().compactMap { index, stage in
      guard let end = latestStep(of: stage, from: begin, length) else { return nil }
      defer { begin = end }
      guard case .slope(_, let method)? = stage.until else { return nil }
      let evidence = SlopeEvidence(method, begin: begin, end: end)
      guard evidence.points(every: every) < evidence.needed else { return nil }
      return evidence.note(stage: index + 1, every: evaluation.every, steps: every)
    }
  }

  /// The step of the schedule at which a stage ends at the latest.
  private func latestStep(
    of stage: StageRecipe, from begin: Double, _ length: RunLength
  ) -> Double? {
    let whole = training.lengthOfShares.flatMap(length.steps)
    switch (stage.until, stage.latest) {
    case (.after(let duration), _), (_, .after(let duration)):
      return length.steps(duration).map { begin + $0 }
    case (.share(let share), _), (_, .share(let share)): return whole.map { $0 * share }
    default: return length.steps
    }
  }
}

/// How many validations of a stage a slope is seen in.
struct SlopeEvidence {
  /// Validations that a verdict takes.
  let needed: Int
  /// Steps whose validations the last verdicts rest on.
  private let span: Double
  private let end: Double

  init(_ method: SlopeDetectorConfiguration.Method, begin: Double, end: Double) {
    let detector = SlopeDetectorConfiguration(threshold: -1, method: method)
    self.end = end
    switch method {
    case .robust:
      needed = detector.fewestPoints + detector.persistence - 1
      span = end - max(begin, end / pow(10, detector.windowDecades))
    case .literal:
      needed = LiteralSlopeDetector.meanWidth + 1
      span = end - begin
    }
  }

  /// Validations in the part that counts.
  func points(every steps: Double) -> Int { Int(exactly: (span / steps).rounded(.down)) ?? .max }

  func note(stage: Int, every: TrainingDuration, steps: Double) -> String {
    let count = points(every: steps)
    let enough = Int(exactly: (span / Double(needed)).rounded(.down)) ?? 0
    let remedy =
      enough > 0
      ? "evaluate.every: \(TrainingDuration.steps(enough)) or less would do"
      : "the stage is too short for that; end it with after or share"
    return
      "Stage \(stage) waits for a slope, to step \(Int(exactly: end.rounded()) ?? .max) at the latest: "
      + "evaluate.every of \(every) gives \(count) validation\(count == 1 ? "" : "s") in the part that "
      + "the slope is fitted to, and at least \(needed) are needed; \(remedy)"
  }
}
