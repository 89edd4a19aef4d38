// SPDX-License-Identifier: Apache-2.0
import Foundation
import Training

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
  /// What of that checkpoint it took; nil, as in older files, for the weights.
  public var startedWith: CheckpointPart?
  /// Names of that checkpoint's tensors that are passed over; nil for none.
  public var ignoredTensors: [String]?
  /// Threads of the engine; nil for all of the machine's.
  ///
  /// Only equal counts give equal bits.
  public var threads: Int?
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

  /// Reads a run's file.
  ///
  /// - Throws: ``StagingError`` of code `runUnavailable`.
  init(readingFrom file: URL) throws {
    let path = file.path(percentEncoded: false)
    guard let data = FileManager.default.contents(atPath: path) else {
      throw StagingError(
        .runUnavailable, "there is no run here; expected run.json, which `espalier train` writes",
        subject: file.deletingLastPathComponent().path(percentEncoded: false))
    }
    do {
      self = try JSONDecoder().decode(Self.self, from: data)
    } catch {
      throw StagingError(.runUnavailable, "not the file of a run: \(error)", subject: path)
    }
    guard formatVersion == Self.currentFormatVersion else {
      throw StagingError(
        .runUnavailable,
        "format version \(formatVersion) is unknown; this program reads version "
          + "\(Self.currentFormatVersion)", subject: path)
    }
  }

  init(recipe: RecipeFile, startedFrom: URL?, with part: CheckpointPart, threads: Int?) {
    recipeName = recipe.name
    recipeDirectory = recipe.directory.absoluteURL.path(percentEncoded: false)
    overrides = recipe.overrides
    self.startedFrom = startedFrom?.absoluteURL.path(percentEncoded: false)
    startedWith = startedFrom == nil || part == .weights ? nil : part
    self.threads = threads
  }

  /// Writes the file, whole or not at all.
  func write(to file: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try encoder.encode(self).write(to: file, options: .atomic)
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
