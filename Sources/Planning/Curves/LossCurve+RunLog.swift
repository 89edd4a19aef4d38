// SPDX-License-Identifier: Apache-2.0
import RunLogs

extension LossCurve {
  /// Reads a curve from the validations in a run's log.
  ///
  /// Validations after a growth belong to another model and are left out, as are those before the
  /// first step and those whose loss is not finite.
  ///
  /// - Parameters:
  ///   - path: the log, `log.jsonl`.
  ///   - parameterCount: parameters without embeddings of the model that the run began with.
  ///   - computeCount: the log's own operations, or 6 · N · tokens.
  /// - Throws: ``PlanningError``, or `RunLogsError` where the log cannot be read.
  public init(
    runLog path: String, parameterCount: Double, computeCount: ComputeCount = .exactProgram
  ) throws {
    var reader = try RunLogReader(path: path)
    var points: [Point] = []
    reading: while let record = try reader.next() {
      switch record {
      case .event(let event) where event.event == .grown: break reading
      case .evaluation(let evaluation):
        guard evaluation.step > 0, evaluation.validationLoss.isFinite else { continue }
        // A run validates twice at a step where two reasons meet; the later one stands.
        if points.last?.step == evaluation.step { points.removeLast() }
        points.append(Self.point(evaluation, parameterCount, computeCount))
      default: continue
      }
    }
    guard !points.isEmpty else {
      throw PlanningError(
        .insufficientData,
        "holds no validation; train with `evaluate: {every: …}` in the recipe, and with enough text "
          + "for `data.validation`", subject: path)
    }
    try self.init(
      name: path, parameterCount: parameterCount, computeCount: computeCount, points: points)
  }

  private static func point(
    _ record: EvaluationRecord, _ parameterCount: Double, _ count: ComputeCount
  ) -> Point {
    let tokens = Double(record.tokens)
    return Point(
      step: record.step, tokens: tokens,
      flops: count == .sixN ? 6 * parameterCount * tokens : record.flops,
      loss: record.validationLoss)
  }
}
