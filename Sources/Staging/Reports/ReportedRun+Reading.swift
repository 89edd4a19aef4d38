// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Reporting
import Text
import Training
import Wording

extension ReportedRun {
  /// Reads runs, each named by as much of the end of its path as tells it from the others.
  ///
  /// - Throws: as ``init(readingFrom:name:)``.
  public static func read(_ urls: [URL]) throws -> [ReportedRun] {
    try zip(urls, names(urls)).map { try ReportedRun(readingFrom: $0, name: $1) }
  }

  /// Reads a run's directory.
  ///
  /// What is missing beside the recipe and the log is left out: the data may have been moved, and
  /// checkpoints deleted. What of the log cannot be believed is in ``ReportedRun/logProblems``.
  ///
  /// - Throws: `StagingError` of code `runUnavailable` where there is no run; the errors of reading
  ///   its recipe and its log.
  public init(readingFrom url: URL, name: String? = nil) throws {
    let run = try TrainingRun.open(url)
    let log = run.directory.log.path(percentEncoded: false)
    let course =
      FileManager.default.fileExists(atPath: log) ? try RunCourse(readingFrom: log) : RunCourse()
    let checkpoints = (try? CheckpointStore(run.directory.checkpoints).list()) ?? []
    let newest = checkpoints.last.flatMap { try? ModelInspection($0.url, verify: false) }
    let schedule = run.recipe.training.schedule
    self.init(
      name: name ?? run.directory.url.lastPathComponent, path: run.directory.path, course: course,
      model: newest.map(Model.init) ?? Model(run.models),
      seed: run.recipe.training.seed,
      decay: LearningRateDecay(
        last: course.steps.last?.learningRate, peak: schedule.peak,
        floor: schedule.kind == .constant ? nil : schedule.floor),
      data: DataIdentity(of: run), machine: run.manifest.peaks.last?.machine,
      recipe: run.recipeFile.text, overrides: run.manifest.overrides.map(\.description),
      settings: Self.settings(run.recipe.training),
      lineage: newest?.training?.status.lineage.map(Ancestor.init) ?? [],
      checkpoints: checkpoints.map { item in
        Checkpoint(
          name: item.url.lastPathComponent, step: item.step,
          problems: CheckpointDirectory.problems(in: item.url, level: .sizes).map(\.description))
      },
      logProblems: try RunLogTruth(run).findings)
  }

  /// The shortest ends of the paths that differ from each other.
  package static func names(_ urls: [URL]) -> [String] {
    let paths = urls.map { $0.standardizedFileURL.pathComponents.filter { $0 != "/" } }
    func names(_ length: Int) -> [String] {
      paths.map { $0.suffix(length).joined(separator: "/") }
    }
    let longest = max(1, paths.map(\.count).max() ?? 1)
    let length = (1...longest).first { Set(names($0)).count == Set(paths).count } ?? longest
    // A path given twice has no end of its own.
    var seen: [String: Int] = [:]
    return names(length).map { name in
      seen[name, default: 0] += 1
      return seen[name] == 1 ? name : "\(name) (\(seen[name, default: 0]))"
    }
  }

  private static func settings(_ training: TrainingConfiguration) -> [Setting] {
    let schedule = training.schedule
    var rate = "\(schedule.kind.rawValue), peak \(schedule.peak), warm-up \(schedule.warmup)"
    if let total = schedule.total { rate += ", total \(total), floor \(schedule.floor)" }
    return [
      Setting("learning rate", rate),
      Setting("optimizer", training.optimizer.summary),
      Setting("batch", "\(counted(training.batch.sequencesPerStep, "sequence")) a step"),
      Setting("precision", training.precision.rawValue), Setting("stop", training.stop.summary),
      Setting("seed", String(training.seed)),
    ]
  }
}

extension ReportedRun.Model {
  init(_ inspection: ModelInspection) {
    self.init(
      description: Self.describe(inspection.model), parameterCount: inspection.parameterCount,
      parameterCountWithoutEmbeddings: inspection.parameterCountWithoutEmbeddings)
  }

  /// The last of a run's models; nil where its files alone do not fix it.
  init?(_ models: RunModels?) {
    guard let models, models.knowsVocabulary, let counts = try? models.target.parameterCount()
    else { return nil }
    self.init(
      description: Self.describe(models.target), parameterCount: counts.total,
      parameterCountWithoutEmbeddings: counts.withoutEmbeddings)
  }

  private static func describe(_ model: ModelConfiguration) -> String {
    let keys =
      model.keyValueHeadCount == model.headCount
      ? "" : " (\(model.keyValueHeadCount) of keys and values)"
    return
      "\(model.family.name), \(counted(model.layerCount, "layer")), hidden \(model.hiddenSize), "
      + "\(counted(model.headCount, "head")) of \(model.headSize)\(keys), feed-forward "
      + "\(model.intermediateSize), vocabulary \(model.vocabularySize), context "
      + "\(model.contextLength)"
  }
}

extension ReportedRun.DataIdentity {
  /// What a run's tokens are by their manifest; nil where it is not found or not sound.
  init?(of run: TrainingRun) {
    let directory: URL? =
      switch run.recipe.data.source {
      case .prepared(let url): url
      case .texts: run.directory.keptTokens
      }
    guard let manifest = directory.flatMap(CorpusManifest.init(found:)),
      let training = manifest.splits["train"]
    else { return nil }
    self.init(
      tokenizer: manifest.tokenizerFingerprint, training: Self.hash(training),
      validation: manifest.splits["validation"].map(Self.hash))
  }

  private static func hash(_ split: CorpusManifest.Split) -> String {
    let files = split.shards.map { "\($0.tokenCount) \($0.sha256)" }
    return FileDigest(of: Data(files.joined(separator: "\n").utf8)).sha256
  }
}

extension ReportedRun.Ancestor {
  init(_ entry: LineageEntry) {
    self.init(
      operation: entry.operation, source: entry.source, hash: entry.sourceHash, step: entry.step)
  }
}
