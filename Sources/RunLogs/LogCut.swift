// SPDX-License-Identifier: Apache-2.0

/// The moment of a run at which a session begins, by the state that it goes on from.
public struct RunLogMoment: Sendable, Hashable {
  /// Optimizer steps taken.
  public var step: Int
  /// The growths that the state has come through; nil for a run of one model.
  public var growths: Int?
  /// Whether the run begins, or begins anew since nothing of it was saved.
  public var isBeginning: Bool

  /// Makes a moment.
  public init(step: Int, growths: Int? = nil, isBeginning: Bool = false) {
    self.step = step
    self.growths = growths
    self.isBeginning = isBeginning
  }
}

/// The events of a log up to the moment at which a session begins.
public struct KeptEvents: Sendable, Hashable {
  /// How many tell of a stage that began with a growth.
  public internal(set) var stageStarts = 0
  /// The step of the last checkpoint; nil where none is told of.
  public internal(set) var checkpointStep: Int?
  /// The wall time of training that the last one of the moment's own step tells of.
  public internal(set) var seconds: Double?
  /// What computed last; nil where no event says.
  public internal(set) var engine: LoggedEngine?
}

/// Decides line by line what stays of a log whose run goes on.
///
/// What lies beyond the moment goes: it will happen again. By their steps alone that cannot be told of
/// the end of a stage and of a growth, which come after the small model's last step and before the
/// large one's first.
struct LogCut {
  let moment: RunLogMoment
  private(set) var kept = KeptEvents()
  private var stagesEnded = 0
  private var isBeyondStage = false

  init(_ moment: RunLogMoment) { self.moment = moment }

  /// Whether a line stays.
  mutating func keeps(_ line: LogLine) -> Bool {
    guard line.step <= moment.step else { return false }
    guard let event = line.event else { return true }
    if event.step == moment.step, willHappenAgain(event.event) { return false }
    note(event, isChanged: line.isChanged)
    return true
  }

  private mutating func willHappenAgain(_ event: EventRecord.Name) -> Bool {
    if moment.isBeginning { return [.started, .continued, .resumed, .interrupted].contains(event) }
    guard let growths = moment.growths else { return false }
    if event == .stageEnded, stagesEnded >= growths { isBeyondStage = true }
    return isBeyondStage && [.stageEnded, .grown, .verified, .stageStarted].contains(event)
  }

  private mutating func note(_ event: EventRecord, isChanged: Bool) {
    switch event.event {
    case .stageEnded: stagesEnded += 1
    case .stageStarted: kept.stageStarts += 1
    case .checkpoint: kept.checkpointStep = event.step
    default: break
    }
    kept.engine = event.engine ?? kept.engine
    guard event.step == moment.step, event.seconds.isFinite, !isChanged else { return }
    kept.seconds = event.seconds
  }
}
