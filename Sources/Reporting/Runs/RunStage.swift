// SPDX-License-Identifier: Apache-2.0
import RunLogs

/// A part of a run in which the model had one size.
public struct RunStage: Sendable, Hashable {
  /// How far the run had come at a moment.
  public struct Moment: Sendable, Hashable {
    /// Optimizer steps.
    public var steps: Int
    /// Input tokens.
    public var tokens: Int
    /// Floating-point operations of training.
    public var flops: Double
    /// Wall time in seconds.
    public var seconds: Double
  }

  /// From 1.
  public var number: Int
  /// The model; nil where the log does not say.
  public var model: String?
  /// Where it began.
  public var start: Moment
  /// Where it ended, or stands.
  public var end: Moment
  /// The last validation loss in it, else the last training loss.
  public var lastLoss: Double?

  /// The stages of a run: one more than it was grown.
  ///
  /// A `grown` event names the models by its details `source` and `target`.
  public static func stages(of run: ReportedRun) -> [RunStage] {
    let growths = run.course.growths
    var stages: [RunStage] = []
    var start = Moment(steps: 0, tokens: 0, flops: 0, seconds: 0)
    for (index, end) in (growths.map(Moment.init) + [Moment(endOf: run.course)]).enumerated() {
      let after = index > 0 ? growths[index - 1].details["target"] : nil
      let before = index < growths.count ? growths[index].details["source"] : nil
      let isLast = index == growths.count
      stages.append(
        RunStage(
          number: index + 1,
          model: after?.text ?? before?.text ?? (isLast ? run.model?.description : nil),
          start: start, end: end,
          lastLoss: lastLoss(run.course, after: start.steps, until: end.steps)))
      start = end
    }
    return stages
  }

  private static func lastLoss(_ course: RunCourse, after: Int, until: Int) -> Double? {
    let validation = course.evaluations.last { $0.step > after && $0.step <= until }
    return validation?.validationLoss
      ?? course.steps.last { $0.step > after && $0.step <= until }?.loss
  }
}

extension RunStage.Moment {
  init(_ event: EventRecord) {
    self.init(
      steps: event.step, tokens: event.tokens, flops: event.flops, seconds: event.seconds)
  }

  init(endOf course: RunCourse) {
    guard let last = course.steps.last else {
      self.init(steps: 0, tokens: 0, flops: 0, seconds: 0)
      return
    }
    self.init(steps: last.step, tokens: last.tokens, flops: last.flops, seconds: last.seconds)
  }
}

/// What was measured of a growth's guarantees.
public struct MeasuredPromise: Sendable, Hashable {
  /// Optimizer steps taken before the growth.
  public var step: Int
  /// What should hold.
  public var guarantee: String
  /// What was measured.
  public var measured: String
  /// How far it may be off; nil where the log does not say.
  public var allowed: String?
  /// Whether it holds; nil where the log does not say.
  public var holds: Bool?

  /// The verifications that a log tells of.
  ///
  /// An event `verified` has the details `guarantee`, `measured`, `allowed` and `holds`; a `grown`
  /// event may tell of the loss across the growth by `lossBefore` and `lossAfter`.
  public static func all(in course: RunCourse) -> [MeasuredPromise] {
    course.events.compactMap { event in
      switch event.event {
      case "verified":
        guard let guarantee = event.details["guarantee"] else { return nil }
        return MeasuredPromise(
          step: event.step, guarantee: guarantee.text,
          measured: event.details["measured"]?.text ?? "–",
          allowed: event.details["allowed"]?.text, holds: event.details["holds"]?.flag)
      case .grown:
        guard let before = event.details["lossBefore"], let after = event.details["lossAfter"]
        else { return nil }
        return MeasuredPromise(
          step: event.step, guarantee: "loss before and after",
          measured: "\(before.text) → \(after.text)", allowed: nil,
          holds: event.details["holds"]?.flag)
      default: return nil
      }
    }
  }
}

extension LogValue {
  /// The truth value; nil for any other value.
  fileprivate var flag: Bool? {
    guard case .flag(let flag) = self else { return nil }
    return flag
  }
}
