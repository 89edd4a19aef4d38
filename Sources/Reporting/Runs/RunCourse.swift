// SPDX-License-Identifier: Apache-2.0
import RunLogs

/// What a run's log says of its course.
public struct RunCourse: Sendable, Hashable {
  /// The optimizer steps.
  public private(set) var steps: [StepRecord] = []
  /// The validations.
  public private(set) var evaluations: [EvaluationRecord] = []
  /// Everything else.
  public private(set) var events: [EventRecord] = []

  /// The number of validations before the last growth; those at the very step of it are told apart
  /// by their order in the log.
  private var evaluationsBeforeGrowth = 0

  /// Takes in records in the order of the log.
  public init(_ records: some Sequence<RunRecord> = []) {
    for record in records { add(record) }
  }

  /// Reads a log.
  ///
  /// - Throws: `RunLogsError`.
  public init(readingFrom path: String) throws {
    var reader = try RunLogReader(path: path)
    while let record = try reader.next() { add(record) }
  }

  /// Takes in the next record.
  public mutating func add(_ record: RunRecord) {
    switch record {
    case .step(let step): steps.append(step)
    case .evaluation(let evaluation): evaluations.append(evaluation)
    case .event(let event):
      events.append(event)
      if event.event == .grown { evaluationsBeforeGrowth = evaluations.count }
    }
  }

  /// The last event that tells what evaluations cost beside the training; nil in a log of a run that
  /// has not come to an end, or of an older version.
  public var evaluationCost: EventRecord? {
    events.last { ($0.evaluationFlops ?? .nan).isFinite && ($0.evaluationSeconds ?? .nan).isFinite }
  }

  /// The moments at which the model was grown, oldest first.
  public var growths: [EventRecord] { events.filter { $0.event == .grown } }

  /// What computed, from which step on, oldest first; nothing in logs of older versions, which do not say.
  ///
  /// Sessions in a row on the same engine are one.
  public var engines: [EngineUse] {
    events.reduce(into: []) { uses, event in
      guard let engine = event.engine, engine != uses.last?.engine else { return }
      // Of a session without a step nothing was computed.
      if uses.last?.step == event.step { uses.removeLast() }
      if engine != uses.last?.engine { uses.append(EngineUse(engine: engine, step: event.step)) }
    }
  }

  /// Steps without records that a repair of the log told of, oldest first.
  public var lostSteps: [ClosedRange<Int>] { events.compactMap(\.lostSteps) }

  /// What was out of order on the way, and what the run did about it, oldest first.
  public var troubles: [EventRecord] { events.filter(\.isTrouble) }

  /// The log of training in one measure, as amounts.
  public enum Measure: String, Sendable, Hashable, CaseIterable, Codable {
    /// Floating-point operations of training.
    case compute
    /// Input tokens.
    case tokens
    /// Optimizer steps.
    case steps
    /// Wall time in seconds.
    case seconds
  }

  /// The validation losses over a measure.
  ///
  /// - Parameters:
  ///   - measure: what the losses stand over.
  ///   - stage: all of the run, or what came after its last growth.
  public func validationCurve(_ measure: Measure, stage: Stage = .all) -> [Chart.Point] {
    evaluations.dropFirst(stage == .all ? 0 : evaluationsBeforeGrowth)
      .map { Chart.Point($0.amount(measure), $0.validationLoss) }
  }

  /// The training losses over a measure.
  public func trainingCurve(_ measure: Measure) -> [Chart.Point] {
    steps.map { Chart.Point($0.amount(measure), $0.loss) }
  }

  /// A part of a run.
  public enum Stage: Sendable, Hashable {
    /// The whole run.
    case all
    /// What came after the last growth, when the model had its final size.
    case last
  }
}

/// An engine, and the step after which it computed.
public struct EngineUse: Sendable, Hashable, Codable {
  /// The engine.
  public var engine: LoggedEngine
  /// Optimizer steps taken before.
  public var step: Int

  /// Makes a use.
  public init(engine: LoggedEngine, step: Int) {
    self.engine = engine
    self.step = step
  }

  /// All uses in one line: `cpu with 8 threads; after step 40 xla:cuda on NVIDIA H200`.
  public static func text(_ uses: [EngineUse]) -> String {
    uses.enumerated().map { index, use in
      index == 0 ? "\(use.engine)" : "after step \(use.step) \(use.engine)"
    }.joined(separator: "; ")
  }
}

/// Steps without records, in words.
public enum LostSteps {
  /// `steps 4 to 5 and step 9`; nil for none.
  public static func text(_ ranges: [ClosedRange<Int>]) -> String? {
    guard !ranges.isEmpty else { return nil }
    return ranges.map { range in
      range.count == 1
        ? "step \(range.lowerBound)" : "steps \(range.lowerBound) to \(range.upperBound)"
    }.joined(separator: " and ")
  }
}

/// A record that says how far the run had come.
public protocol ProgressRecord {
  /// Optimizer steps taken.
  var step: Int { get }
  /// Input tokens trained on.
  var tokens: Int { get }
  /// Floating-point operations of training.
  var flops: Double { get }
  /// Wall time of training, in seconds.
  var seconds: Double { get }
}

extension ProgressRecord {
  /// How far the run had come.
  public func amount(_ measure: RunCourse.Measure) -> Double {
    switch measure {
    case .compute: flops
    case .tokens: Double(tokens)
    case .steps: Double(step)
    case .seconds: seconds
    }
  }
}

extension StepRecord: ProgressRecord {}
extension EvaluationRecord: ProgressRecord {}
extension EventRecord: ProgressRecord {}
