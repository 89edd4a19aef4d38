// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Checkpoints
import Documents
import Foundation
import RunLogs
import Training
import Wording

/// What a run keeps beside its recipe, in `run.json`.
public struct RunManifest: Sendable, Hashable, Codable {
  /// The version that this library writes, and the only one that it reads.
  public static let currentFormatVersion = 1

  /// The version of the file's format.
  public var formatVersion = currentFormatVersion
  /// The recipe's file name, for messages.
  public var recipeName: String
  /// The absolute path of the directory that the recipe's paths are relative to.
  public var recipeDirectory: String
  /// Values set over the recipe's, in order.
  public var overrides: [RecipeOverride]
  /// The checkpoint that the run began with; nil for a new model.
  public var startedFrom: String?
  /// ``SourceHash`` of that checkpoint, which a run without a state of its own must still find; nil in
  /// older files.
  public var sourceHash: String?
  /// What of that checkpoint it took; nil, as in older files, for the weights.
  public var startedWith: CheckpointPart?
  /// How far the training had come that the run goes on with; nil, as in older files, for a run that
  /// begins with a first step.
  public var began: TrainingProgress?
  /// SHA-256 of the recipe as it was given; nil in older files.
  public var recipeHash: String?
  /// SHA-256 of `plan.json` as it was written; nil in older files and for a run of one model.
  public var planHash: String?
  /// Whether every line of the log has a checksum and that of the line before it; nil in older files.
  public var logIsSealed: Bool?
  /// The log's last line, where the last session came to its end; nil while one is at work, after one that
  /// was killed, and in older files.
  public var logEnd: LoggedEnd?
  /// What was changed for a session that ended before its log told of it; nil for nothing.
  public var unloggedChange: String?
  /// Names of that checkpoint's tensors that are passed over; nil for none.
  public var ignoredTensors: [String]?
  /// Threads of the engine; nil for all of the machine's.
  ///
  /// Only equal counts give equal bits.
  public var threads: Int?
  /// The word for the engine, by which whoever trains the run finds it again; nil for the embedded one.
  public var engine: String?
  /// What engines reached on the machines that trained this run.
  public var peaks: [MeasuredPeak] = []

  /// The speed of an engine's products on one machine.
  public struct MeasuredPeak: Sendable, Hashable, Codable {
    /// The engine's name.
    public var engine: String
    /// The machine: host, processor, number of cores.
    public var machine: String
    /// Threads of the engine; nil for all.
    public var threads: Int?
    /// The number format.
    public var precision: Precision
    /// What was reached.
    public var floatingPointOperationsPerSecond: Double
  }

  /// Reads a run's file, which must be as it was written.
  ///
  /// - Throws: ``StagingError`` of code `runUnavailable`.
  init(readingFrom file: URL) throws {
    let (manifest, damage) = try Self.read(file)
    if let damage { throw damage }
    self = manifest
  }

  /// Reads a run's file as it stands.
  ///
  /// - Returns: what the file says, and what is to be told where it is not what was written.
  /// - Throws: ``StagingError`` of code `runUnavailable`.
  static func read(_ file: URL) throws -> (manifest: RunManifest, damage: StagingError?) {
    let path = file.path(percentEncoded: false)
    let data: Data
    do { data = try RegularFile.contents(of: path, atMost: 64 << 20) } catch {
      throw error.code == .missing
        ? RunDirectory(file.deletingLastPathComponent()).missingManifest()
        : StagingError(.runUnavailable, error.message, subject: path)
    }
    let manifest = try decode(data, path)
    let damage = StagingError(
      .runUnavailable,
      "was changed or damaged since it was written: its checksum is not that of its text. Put it back "
        + "as it was; or, where you changed it yourself and mean it, take out its line \"checksum\"",
      subject: path)
    return (manifest, SealedJSON.isIntact(data) ? nil : damage)
  }

  private static func decode(_ data: Data, _ path: String) throws -> RunManifest {
    let manifest: RunManifest
    do { manifest = try Document(parsing: data).decode() } catch {
      throw StagingError(
        .runUnavailable, "not the file of a run: \(reason(of: error))", subject: path)
    }
    guard manifest.formatVersion == Self.currentFormatVersion else {
      throw StagingError(
        .runUnavailable,
        "format version \(manifest.formatVersion) is unknown; this program reads version "
          + "\(Self.currentFormatVersion)", subject: path)
    }
    if let problem = manifest.impossibility {
      throw StagingError(.runUnavailable, problem, subject: path)
    }
    return manifest
  }

  /// A value that no run has, by its key; nil where all are possible.
  private var impossibility: String? {
    let counts = 0...(1 << 61)
    if let began, !(counts.contains(began.steps) && counts.contains(began.tokens)) {
      return
        "began: \(counted(began.steps, "step")) and \(counted(began.tokens, "token")) are no progress of "
        + "a training"
    }
    for (key, value) in [
      ("floatingPointOperations", began?.floatingPointOperations), ("seconds", began?.seconds),
    ] {
      if let value, !(value.isFinite && value >= 0) {
        return "began.\(key): \(value) is not possible; expected a number from 0 on"
      }
    }
    if let logEnd, !logEnd.isPossible {
      return
        "logEnd: step \(logEnd.step) and checksum \(logEnd.checksum.excerpt) are of no log's line"
    }
    for (index, threads) in ([threads] + peaks.map(\.threads)).enumerated() {
      if let threads, threads < 1 {
        let key = index == 0 ? "threads" : "peaks[\(index - 1)].threads"
        return "\(key): \(threads) is not possible; expected a number from 1 on"
      }
    }
    for (index, peak) in peaks.enumerated() {
      let speed = peak.floatingPointOperationsPerSecond
      if !(speed.isFinite && speed > 0) {
        return
          "peaks[\(index)].floatingPointOperationsPerSecond: \(speed) is not possible; expected a "
          + "number above 0"
      }
    }
    return nil
  }

  init(
    recipe: RecipeFile, startedFrom: URL?, with part: CheckpointPart, began: TrainingProgress?,
    threads: Int?, engine: String?
  ) {
    recipeHash = FileDigest(of: Data(recipe.text.utf8)).sha256
    logIsSealed = true
    self.began = began
    recipeName = recipe.name
    recipeDirectory = recipe.directory.absoluteURL.path(percentEncoded: false)
    overrides = recipe.overrides
    self.startedFrom = startedFrom?.absoluteURL.path(percentEncoded: false)
    startedWith = startedFrom == nil || part == .weights ? nil : part
    self.threads = threads
    self.engine = engine
  }

  /// Steps that were taken before the run's first; nil where the file is too old to say.
  var stepsBefore: Int? { began?.steps ?? (startedWith == .wholeState ? nil : 0) }

  /// Writes the file with its checksum, whole or not at all.
  func write(to file: URL) throws {
    try OutputFile.replace(file, with: SealedJSON.sealed(Document.encoded(self)))
  }
}

/// What a run takes of the checkpoint that it begins with.
public enum CheckpointPart: String, Sendable, Hashable, CaseIterable, Codable {
  /// The weights: steps, schedule and data begin anew.
  case weights
  /// The whole training state: moments, steps, schedule and data go on, as after a growth. The
  /// recipe's schedule and stop conditions then speak of the whole training, from its first step.
  case wholeState
}
