// SPDX-License-Identifier: Apache-2.0

/// Measures where the time of a training goes: to its phases, and within them to the operations that the
/// engine names.
///
/// Phases are counted without the phases inside them, so that they add up to the time since the profiler
/// was made. A profiler is used from one thread.
public final class Profiler {
  /// What a training does at a moment.
  public enum Phase: String, Sendable, Hashable, CaseIterable, Codable {
    /// Optimizer steps: forward, backward and update.
    case steps
    /// Waiting for batches.
    case data
    /// Scoring the validation text.
    case evaluation
    /// Copying the state and writing checkpoints.
    case saving
    /// Growing the model, and proving and saving what was grown.
    case growth
    /// Beginning, logging, showing progress, ending.
    case rest
  }

  /// What an operation has to do, however long it takes.
  public struct Work: Sendable, Hashable {
    /// Floating-point operations of products; 0 for operations that have none.
    public var floatingPointOperations: Double
    /// Bytes of all operands and results, each counted once.
    public var bytes: Double

    /// Makes an amount of work.
    public init(floatingPointOperations: Double = 0, bytes: Double = 0) {
      self.floatingPointOperations = floatingPointOperations
      self.bytes = bytes
    }
  }

  /// One stretch of time of a phase or an operation.
  struct Span {
    var name: String
    var phase: Phase
    /// Seconds since the profiler was made.
    var start: Double
    var seconds: Double
    /// Nil for a phase.
    var work: Work?
  }

  /// What came together under one name.
  struct Total {
    var count = 0
    var seconds = 0.0
    var work = Work()
  }

  struct Key: Hashable {
    var phase: Phase
    var name: String
  }

  /// The first spans, in the order in which they ended.
  private(set) var spans: [Span] = []
  /// Spans that were left out since there were too many.
  private(set) var droppedSpans = 0
  private(set) var operations: [Key: Total] = [:]
  private(set) var phases: [Phase: Total] = [:]

  /// What the engine does at best, in floating-point operations a second; nil where that is not known.
  public var peak: Double?

  private let spanLimit: Int
  private let clock: () -> Double
  private var phase = Phase.rest
  private var phaseStart = 0.0

  /// Begins to measure.
  ///
  /// - Parameters:
  ///   - spanLimit: spans that are kept for a trace; totals count all.
  ///   - clock: seconds since the profiler was made; nil for the machine's monotonic clock.
  public init(spanLimit: Int = 20_000, clock: (() -> Double)? = nil) {
    self.spanLimit = spanLimit
    let start = ContinuousClock.now
    self.clock = clock ?? { (ContinuousClock.now - start) / .seconds(1) }
  }

  /// Does an operation and measures it, as part of the present phase.
  public func measure<Result>(
    _ name: String, _ work: Work, _ body: () throws -> Result
  ) rethrows -> Result {
    let start = clock()
    defer {
      let span = Span(
        name: name, phase: phase, start: start, seconds: clock() - start, work: work)
      operations[Key(phase: phase, name: name), default: Total()].add(span)
      keep(span)
    }
    return try body()
  }

  fileprivate func during<Result>(
    _ inner: Phase, _ body: () throws -> Result
  ) rethrows -> Result {
    // A phase in itself is the same one.
    guard inner != phase else { return try body() }
    let (outer, start) = (phase, clock())
    phases[inner, default: Total()].count += 1
    change(to: inner, at: start)
    defer {
      let end = clock()
      change(to: outer, at: end)
      keep(
        Span(name: inner.rawValue, phase: inner, start: start, seconds: end - start, work: nil))
    }
    return try body()
  }

  private func change(to next: Phase, at moment: Double) {
    phases[phase, default: Total()].seconds += moment - phaseStart
    (phase, phaseStart) = (next, moment)
  }

  private func keep(_ span: Span) {
    if spans.count < spanLimit { spans.append(span) } else { droppedSpans += 1 }
  }

  /// Forgets what was measured, as after the first step, which prepares more than it does.
  public func reset() {
    (spans, droppedSpans, operations, phases) = ([], 0, [:], [:])
    phaseStart = clock()
  }

  /// What was measured so far.
  public func profile() -> TrainingProfile {
    change(to: phase, at: clock())
    return TrainingProfile(self)
  }
}

extension Profiler.Total {
  fileprivate mutating func add(_ span: Profiler.Span) {
    count += 1
    seconds += span.seconds
    work.floatingPointOperations += span.work?.floatingPointOperations ?? 0
    work.bytes += span.work?.bytes ?? 0
  }
}

extension Profiler? {
  /// Does a part of the work, whose time is counted as that of a phase; without a profiler nothing is.
  package func during<Result>(
    _ phase: Profiler.Phase, _ body: () throws -> Result
  ) rethrows -> Result {
    guard let self else { return try body() }
    return try self.during(phase, body)
  }

  /// Does an operation, and measures it where there is a profiler.
  package func measure<Result>(
    _ name: String, _ work: Profiler.Work, _ body: () throws -> Result
  ) rethrows -> Result {
    guard let self else { return try body() }
    return try self.measure(name, work, body)
  }
}
