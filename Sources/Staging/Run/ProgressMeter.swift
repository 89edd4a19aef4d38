// SPDX-License-Identifier: Apache-2.0
import RunLogs
import Training

/// Turns a run's steps into what people watch: speed and time left.
///
/// Rates are taken over a sliding window of wall time, so that they follow warm-ups of batch and
/// sequence length without jumping.
public struct ProgressMeter: Sendable {
  /// The speed of training and what it promises.
  public struct Reading: Sendable, Hashable {
    /// Input tokens per second of training.
    public var tokensPerSecond: Double
    /// Floating-point operations per second of training.
    public var floatingPointOperationsPerSecond: Double
    /// That, divided by the engine's peak; nil where the peak is unknown.
    public var shareOfPeak: Double?
    /// Seconds until the run's planned length is reached; nil where only a loss ends it.
    public var secondsLeft: Double?
    /// The part of the planned length that is done, 0 … 1; nil where only a loss ends it.
    public var shareDone: Double?
  }

  private let length: TrainingDuration?
  private let peak: Double?
  private let window: Double
  private var points: [TrainingProgress]
  /// Index in `points` of where the window begins; what lies before is dropped now and then.
  private var begin = 0

  /// Makes a meter.
  ///
  /// - Parameters:
  ///   - start: the progress that this session begins with.
  ///   - length: the run's planned length.
  ///   - peak: the engine's floating-point operations per second at best.
  ///   - window: seconds of training that a rate is taken over.
  public init(
    start: TrainingProgress, length: TrainingDuration?, peak: Double?, window: Double = 20
  ) {
    self.length = length
    self.peak = peak
    self.window = window
    points = [start]
  }

  /// Begins anew at an earlier moment that a run has gone back to.
  mutating func restart(at event: EventRecord) {
    begin = 0
    points = [
      TrainingProgress(
        steps: event.step, tokens: event.tokens, floatingPointOperations: event.flops,
        seconds: event.seconds)
    ]
  }

  /// Takes in a step and reads the meter; nil while no time has passed.
  public mutating func advance(with record: StepRecord) -> Reading? {
    let now = TrainingProgress(
      steps: record.step, tokens: record.tokens, floatingPointOperations: record.flops,
      seconds: record.seconds)
    points.append(now)
    while points.count - begin > 2, now.seconds - points[begin + 1].seconds >= window { begin += 1 }
    if begin > points.count / 2 {
      points.removeFirst(begin)
      begin = 0
    }
    let recent = now - points[begin]
    guard recent.seconds > 0 else { return nil }
    return reading(at: now, recent: recent)
  }

  private func reading(at now: TrainingProgress, recent: TrainingProgress) -> Reading {
    let speed = recent.floatingPointOperations / recent.seconds
    var reading = Reading(
      tokensPerSecond: Double(recent.tokens) / recent.seconds,
      floatingPointOperationsPerSecond: speed,
      shareOfPeak: peak.map { speed / $0 }, secondsLeft: nil, shareDone: nil)
    guard let length, length.amount > 0 else { return reading }
    let done = now.amount(length.measure)
    let rate = recent.amount(length.measure) / recent.seconds
    reading.shareDone = min(1, done / length.amount)
    if rate > 0 { reading.secondsLeft = max(0, length.amount - done) / rate }
    return reading
  }
}
