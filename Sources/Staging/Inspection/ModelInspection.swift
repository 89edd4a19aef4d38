// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput
import Checkpoints
import Foundation
import Tensors
import Training
import Wording

/// What a checkpoint or a Hugging Face directory holds.
public struct ModelInspection: Sendable, Encodable {
  /// What is known of the files' checksums.
  public enum Integrity: Sendable, Hashable {
    /// There is no manifest to compare with, as in a directory that another program wrote.
    case noManifest
    /// Only the files' sizes were compared.
    case sizesMatch
    /// Every file has the checksum that the manifest names.
    case intact
    /// What is wrong.
    case damaged([String])
  }

  /// The training that a checkpoint stands in.
  public struct Training: Sendable, Encodable {
    /// Everything but the tensors.
    public var status: TrainingStatus
    /// The learning rate of the next step, were its tokens those of the last.
    public var learningRate: Double
    /// The part of the schedule that is done; nil for a constant rate.
    public var scheduleShare: Double?
    /// Entries that growths made and that are not trained as all others yet, by growths; nil for none.
    public var newEntries: [NewEntryMark]?
  }

  /// What one growth left of marks on new entries.
  public struct NewEntryMark: Sendable, Hashable, Encodable {
    /// Tensors that have such entries.
    public var tensorCount: Int
    /// Updates since the growth.
    public var updates: Int
    /// Their factor on the learning rate; nil where they have none of their own.
    public var rate: NewEntries.Rate?
    /// The factor of the next update.
    public var factor: Double
    /// Whether AdamW's correction counts their own updates, since their moments began at zero.
    public var hasOwnCount: Bool
  }

  /// The directory.
  public var path: String
  /// The model.
  public var model: ModelConfiguration
  /// All parameters.
  public var parameterCount: Int
  /// Parameters without embeddings.
  public var parameterCountWithoutEmbeddings: Int
  /// Exact floating-point operations of training per token, at the full context.
  public var trainingFLOPsPerToken: Double
  /// The same by the rule 6 · parameters without embeddings.
  public var trainingFLOPsPerTokenBySixN: Double
  /// The type of the weights in the files; nil where they differ.
  public var weightType: DType?
  /// What is known of the files' checksums.
  public var integrity: Integrity
  /// The training; nil for a model without it.
  public var training: Training?
  /// The tokens at which a generated text ends, as the files say.
  public var endOfTextTokens: [Int]
  /// What a user should know of the files: a head that is not tied, tensors that are passed over or
  /// are not the model's.
  public var notes: [String]
  /// Whether the files hold the model's tensors and no others.
  public var holdsModel: Bool

  init(_ url: URL, verify: Bool, ignoring patterns: [String] = []) throws {
    path = url.path(percentEncoded: false)
    let opened = try Self.opened(url, ignoring: patterns)
    model = opened.configuration.model
    endOfTextTokens = opened.configuration.endOfTextTokens
    notes = opened.notes
    holdsModel = opened.holdsModel
    let counts = try model.parameterCount()
    parameterCount = counts.total
    parameterCountWithoutEmbeddings = counts.withoutEmbeddings
    trainingFLOPsPerToken =
      try model.floatingPointOperations(sequenceLength: model.contextLength).training
    trainingFLOPsPerTokenBySixN = counts.trainingFLOPsBySixN
    let types = Set(try openTensors(in: url).entries.map(\.dtype))
    weightType = types.count == 1 ? types.first ?? nil : nil
    integrity = Self.integrity(of: url, verify: verify)
    training = try Training(url)
  }

  /// What `config.json` and the tensors say; tensors that are not the model's are a note.
  private static func opened(
    _ url: URL, ignoring patterns: [String]
  ) throws -> (configuration: HuggingFaceConfiguration, notes: [String], holdsModel: Bool) {
    do {
      let directory = try ModelDirectory(reading: url, ignoring: patterns)
      return (directory.configuration, directory.notes, true)
    } catch let error as ArchitecturesError where error.code == .parameterMismatch {
      let file = url.appending(path: TrainingStateFiles.configuration)
      return (
        try HuggingFaceConfiguration(
          try Self.contents(file), file: file.path(percentEncoded: false)),
        ["the files do not hold this model: \(error.message)"], false
      )
    }
  }

  private static func contents(_ file: URL) throws -> Data {
    let path = file.path(percentEncoded: false)
    do { return try RegularFile.contents(of: path, atMost: 64 << 20) } catch {
      throw StagingError(.notInspectable, error.message, subject: path)
    }
  }

  private static func integrity(of url: URL, verify: Bool) -> Integrity {
    guard Manifest.exists(in: url) else { return .noManifest }
    let problems = CheckpointDirectory.problems(in: url, level: verify ? .checksums : .sizes)
    guard problems.isEmpty else { return .damaged(problems.map(\.description)) }
    return verify ? .intact : .sizesMatch
  }
}

extension ModelInspection.Integrity: Encodable {
  private enum Key: String, CodingKey { case state, problems }

  /// `state`, and `problems` where there are any.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    switch self {
    case .noManifest: try container.encode("noManifest", forKey: .state)
    case .sizesMatch: try container.encode("sizesMatch", forKey: .state)
    case .intact: try container.encode("intact", forKey: .state)
    case .damaged(let problems):
      try container.encode("damaged", forKey: .state)
      try container.encode(problems, forKey: .problems)
    }
  }
}

extension ModelInspection.Training {
  /// Reads a checkpoint's training, if it has any.
  init?(_ url: URL) throws {
    let file = url.appending(path: TrainingStateFiles.state)
    guard FileManager.default.fileExists(atPath: file.path(percentEncoded: false)) else {
      return nil
    }
    let clocks: [ParameterClock]
    (status, clocks) = try TrainingState.outline(in: url)
    let schedule = status.training.schedule
    let progress = status.progress
    let tokens =
      status.training.batch.sequencesPerStep(afterTokens: progress.tokens)
      * status.training.batch.sequenceLength(
        afterTokens: progress.tokens, contextLength: status.model.contextLength)
    let operations =
      try status.model.floatingPointOperations(sequenceLength: status.model.contextLength).training
    let next =
      progress
      + TrainingProgress(
        steps: 1, tokens: tokens, floatingPointOperations: operations * Double(tokens))
    learningRate = schedule.rate(at: next, position: status.position)
    scheduleShare = schedule.total.map {
      min(1, (progress + status.position.offset).amount($0.measure) / $0.amount)
    }
    newEntries = ModelInspection.NewEntryMark.all(of: clocks)
  }
}

extension ModelInspection.NewEntryMark {
  /// The marks of all parameters, those that say the same as one, the oldest growth first; nil for none.
  fileprivate static func all(of clocks: [ParameterClock]) -> [Self]? {
    var marks: [Self] = []
    for entry in clocks.flatMap(\.newEntries) {
      let mark = Self(
        tensorCount: 1, updates: entry.updates, rate: entry.rate,
        factor: entry.rate?.factor(after: entry.updates) ?? 1, hasOwnCount: entry.hasOwnCount)
      if let index = marks.firstIndex(where: { $0.saysTheSame(as: mark) }) {
        marks[index].tensorCount += 1
      } else {
        marks.append(mark)
      }
    }
    return marks.isEmpty ? nil : marks.sorted { $0.updates > $1.updates }
  }

  private func saysTheSame(as other: Self) -> Bool {
    updates == other.updates && rate == other.rate && hasOwnCount == other.hasOwnCount
  }
}
