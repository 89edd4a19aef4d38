// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Where the time of a training went, and what was done in it.
public struct TrainingProfile: Sendable, Hashable, Codable {
  /// The time of a phase, without that of the phases inside it.
  public struct PhaseTime: Sendable, Hashable, Codable {
    /// The phase.
    public var phase: Profiler.Phase
    /// How often it began; 0 for the rest.
    public var count: Int
    /// Wall time.
    public var seconds: Double
  }

  /// All calls of one operation in one phase.
  public struct OperationTime: Sendable, Hashable, Codable {
    /// The phase that it is part of.
    public var phase: Profiler.Phase
    /// What the engine calls it.
    public var name: String
    /// Calls.
    public var count: Int
    /// Wall time.
    public var seconds: Double
    /// Floating-point operations of products; 0 where it has none.
    public var floatingPointOperations: Double
    /// Bytes of all operands and results, each counted once a call.
    public var bytes: Double

    /// Floating-point operations a second; nil where it has none.
    public var floatingPointOperationsPerSecond: Double? {
      floatingPointOperations > 0 && seconds > 0 ? floatingPointOperations / seconds : nil
    }
    /// Bytes a second; nil where they were not counted.
    public var bytesPerSecond: Double? { bytes > 0 && seconds > 0 ? bytes / seconds : nil }
  }

  /// All phases that took time, the longest first.
  public var phases: [PhaseTime]
  /// All operations, the longest first; none for an engine whose step is one program.
  public var operations: [OperationTime]
  /// What the engine does at best, in floating-point operations a second; nil where it was not measured.
  public var peak: Double?
  /// Events of the trace that were left out, as those of later steps.
  public var droppedEvents: Int
  private var spans: [TraceEvent]

  private enum CodingKeys: String, CodingKey {
    case phases, operations, peak, droppedEvents
    case spans = "traceEvents"
  }

  /// Wall time of all phases.
  public var seconds: Double { phases.reduce(0) { $0 + $1.seconds } }

  /// The wall time of a phase.
  public func seconds(of phase: Profiler.Phase) -> Double {
    phases.first { $0.phase == phase }?.seconds ?? 0
  }

  init(_ profiler: Profiler) {
    phases = profiler.phases
      .map { PhaseTime(phase: $0.key, count: $0.value.count, seconds: $0.value.seconds) }
      .sorted { $0.seconds > $1.seconds }
    operations = profiler.operations
      .map { key, total in
        OperationTime(
          phase: key.phase, name: key.name, count: total.count, seconds: total.seconds,
          floatingPointOperations: total.work.floatingPointOperations, bytes: total.work.bytes)
      }
      .sorted { ($1.seconds, $0.name) < ($0.seconds, $1.name) }
    peak = profiler.peak
    droppedEvents = profiler.droppedSpans
    // Viewers want what begins first in front, and what is around others, which ended after them.
    spans = profiler.spans.reversed().enumerated()
      .sorted { ($0.element.start, $0.offset) < ($1.element.start, $1.offset) }
      .map { TraceEvent($0.element) }
  }

  /// The profile as a file: JSON that `ui.perfetto.dev` and Chrome's `about:tracing` show as a trace, with
  /// the totals beside the events.
  public func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }
}

/// A complete event of Chrome's trace format (type `X`; times in microseconds).
///
/// Source: "Trace Event Format", the Chromium project.
private struct TraceEvent: Sendable, Hashable, Codable {
  struct Arguments: Sendable, Hashable, Codable {
    var floatingPointOperations: Double
    var bytes: Double
  }
  var name: String
  var category: String
  var type = "X"
  var start: Double
  var duration: Double
  var process = 1
  var thread = 1
  var arguments: Arguments?

  enum CodingKeys: String, CodingKey {
    case name, category = "cat", type = "ph", start = "ts", duration = "dur", process = "pid",
      thread = "tid", arguments = "args"
  }

  init(_ span: Profiler.Span) {
    name = span.name
    category = span.phase.rawValue
    (start, duration) = (span.start * 1e6, span.seconds * 1e6)
    arguments = span.work.map {
      Arguments(floatingPointOperations: $0.floatingPointOperations, bytes: $0.bytes)
    }
  }
}
