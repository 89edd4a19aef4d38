// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput
import Checkpoints
import Foundation
import Tensors
import Text
import Training

extension ModelGrowth.Output {
  /// How many threads make blocks, and of what size.
  var pipelineConfiguration: ShardPipeline.Configuration {
    guard let threadCount else { return ShardPipeline.Configuration() }
    return ShardPipeline.Configuration(workerCount: threadCount)
  }
}

extension ModelGrowth {
  /// How the files of a grown model are written.
  public struct Output: Sendable, Hashable {
    /// The weights' type; nil for each tensor's own, float32 for a training state's.
    public var type: DType?
    /// How numbers are rounded to it.
    public var rounding: WeightRounding
    /// Bytes of tensors in a file of weights or moments; nil for as many as the source's largest has.
    public var maximumShardByteCount: Int?
    /// Patterns of names (`*`, `?`, `[…]`) of the only tensors to be written; nil for all.
    public var only: [String]?
    /// Whether a model that is there already is replaced.
    public var overwrites: Bool
    /// Whether files that an interrupted growth has finished are kept.
    public var resumes: Bool
    /// How many threads make tensors, which the bits do not depend on; nil for two for each core.
    public var threadCount: Int?

    /// Makes settings.
    public init(
      type: DType? = nil, rounding: WeightRounding = .nearest, maximumShardByteCount: Int? = nil,
      only: [String]? = nil, overwrites: Bool = false, resumes: Bool = false,
      threadCount: Int? = nil
    ) {
      self.type = type
      self.rounding = rounding
      self.maximumShardByteCount = maximumShardByteCount
      self.only = only
      self.overwrites = overwrites
      self.resumes = resumes
      self.threadCount = threadCount
    }
  }

  /// How far a growth is.
  public struct Progress: Sendable, Hashable {
    /// What is being done.
    public enum Stage: String, Sendable, Hashable, CaseIterable {
      /// Tensors are made and written.
      case growing
      /// The source's checksums are waited for.
      case checking
      /// The small files are written, and everything is synced.
      case completing
    }
    /// What is being done.
    public var stage: Stage
    /// Bytes of tensors that are written.
    public var doneByteCount: Int
    /// Bytes of all tensors.
    public var byteCount: Int
  }

  /// Grows the model and writes it as a directory, which appears whole or not at all.
  ///
  /// It holds what a checkpoint of its kind holds, in Hugging Face's layout, the small files of the
  /// source (tokenizer, generation settings), and `growth.json`. Tensors are read, made and written in
  /// blocks of rows on all cores; memory does not depend on the model's size. The values are bit for
  /// bit those of growing in memory, ``GrowthPath/grown(_:)``.
  ///
  /// Until it is whole the directory is called `.partial-NAME`. Where the work is cancelled, the
  /// process killed or the disk full, it stays with the files that are finished, for a growth that
  /// ``Output/resumes``; one that does not removes it. After other errors nothing is left.
  ///
  /// - Parameter observe: hears several times a second how far the work is; what it throws, for
  ///   instance `CancellationError`, ends it.
  /// - Throws: ``GrowthError`` of code `unwritableTarget`, `invalidOptions` or `unsupported`; the errors
  ///   of Checkpoints and Training; what `observe` throws.
  public func write(
    to target: URL, _ output: Output = Output(), observe: (Progress) throws -> Void = { _ in }
  ) throws {
    try check(output, target: target)
    let files = try GrowthFiles(self, output)
    let directory = try ResumableDirectory(
      for: target.absoluteURL.standardizedFileURL, identity: try identity(files, output),
      resuming: output.resumes)
    do {
      try directory.checkRoom(for: files.layouts)
      try write(files, output, to: directory, observe)
    } catch {
      if !Self.keepsFinished(error) || directory.finished.isEmpty {
        directory.discard()
      } else {
        directory.release()
      }
      throw error
    }
  }

  /// Where the finished files of an interrupted growth are; nil where there are none.
  public static func unfinished(of target: URL) -> URL? {
    let url = ResumableDirectory.partialURL(of: target.absoluteURL.standardizedFileURL)
    return FileManager.default.fileExists(atPath: url.path(percentEncoded: false)) ? url : nil
  }

  /// Whether what is finished when an error comes is worth keeping.
  static func keepsFinished(_ error: any Error) -> Bool {
    if error is CancellationError { return true }
    let code = (error as? CheckpointsError)?.code
    return code == .outOfSpace || code == .unwritableFile
  }

  private func write(
    _ files: GrowthFiles, _ output: Output, to directory: ResumableDirectory,
    _ observe: (Progress) throws -> Void
  ) throws {
    let total = files.byteCount
    let executor = try files.executor(
      rounding: output.rounding, threadCount: output.threadCount)
    let sources = source.files
    let digests = BackgroundWork { try sources.digests() }
    do {
      try withoutActuallyEscaping(observe) { observe in
        let sink = FileSink(
          layouts: files.layouts, directory: directory, configuration: output.pipelineConfiguration
        ) { try observe(Progress(stage: .growing, doneByteCount: $0, byteCount: total)) }
        try sink.take(executor)
      }
    } catch let error as GrowthError where error.code == .notFinite {
      // Where the source's files have changed, that is what is wrong.
      _ = try digests.value()
      throw error
    }
    repeat {
      try observe(Progress(stage: .checking, doneByteCount: total, byteCount: total))
    } while !digests.isDone(within: 50)
    let known = try digests.value()
    try observe(Progress(stage: .completing, doneByteCount: total, byteCount: total))
    let results = directory.finished
    var receipt = try receipt()
    receipt.files = GrowthReceipt.Files(
      type: output.type, rounding: output.rounding, only: output.only,
      source: known.mapValues(\.sha256), result: results.mapValues(\.sha256))
    try CheckpointDirectory.complete(directory) {
      try writeSmallFiles(files, output, receipt, to: $0)
    }
  }

  private func writeSmallFiles(
    _ files: GrowthFiles, _ output: Output, _ receipt: GrowthReceipt, to writer: CheckpointWriter
  ) throws {
    var configuration = source.directory.configuration
    configuration.model = target
    if source.status != nil { configuration.weightType = .float32 }
    if let type = output.type { configuration.weightType = type }
    try writer.write(configuration.encoded(), to: TrainingStateFiles.configuration)
    for index in files.layouts.compactMap(\.index) {
      try writer.write(Data(index.contents.json.utf8), to: index.name)
    }
    if let status = grownStatus(), let clocks = files.clocks {
      try writer.write(TrainingStateFiles.encoded(status, clocks), to: TrainingStateFiles.state)
    }
    try writer.write(configuration.encodedGeneration(), to: TrainingStateFiles.generation)
    try CarriedFiles(of: source.url).copy(
      into: writer, except: [TrainingStateFiles.generation, TokenizerSettingsFile.name])
    try writeTokenizerSettings(to: writer, configuration)
    try newParameters().write(to: writer)
    try writer.write(try receipt.encoded(), to: GrowthReceipt.fileName)
  }

  /// Tells this growth's files from any other's.
  private func identity(_ files: GrowthFiles, _ output: Output) throws -> String {
    var data = try GrowthReceipt(path).encoded()
    for line in source.files.marks() + [output.rounding.rawValue] { data += Data(line.utf8) }
    for shard in files.layouts.flatMap(\.shards) {
      data += Data(shard.name.utf8) + Data(shard.header.json)
    }
    return FileDigest(of: data).sha256
  }

  /// Checks, before any work, that the files may be written so and there.
  ///
  /// - Throws: ``GrowthError`` of code `unwritableTarget` or `invalidOptions`; `CheckpointsError` of code
  ///   `outOfSpace` where the disk has no room for them.
  public func check(_ output: Output, target: URL) throws {
    try check(output)
    let path = target.absoluteURL.standardizedFileURL.path(percentEncoded: false)
    try checkTarget(path, output)
    // Of a growth that goes on, a part is there already, and what is left is counted later.
    guard !output.resumes || Self.unfinished(of: target) == nil else { return }
    try DiskRoom.check(GrowthFiles(self, output).byteCount, at: target)
  }

  func check(_ output: Output) throws {
    try GrowthError.check(
      source.status == nil || (output.type ?? .float32) == .float32, .invalidOptions,
      subject: "dtype",
      "a training state holds float32; grow the weights alone for \(output.type?.rawValue ?? "")")
    try GrowthError.check(
      output.type?.isFloatingPoint ?? true, .invalidOptions, subject: "dtype",
      "\(output.type?.rawValue ?? "") holds no real numbers")
    try GrowthError.check(
      (1...1024).contains(output.threadCount ?? 1), .invalidOptions, subject: "threads",
      "\(output.threadCount ?? 0) is outside 1 … 1024")
    try GrowthError.check(
      output.maximumShardByteCount ?? 1 > 0, .invalidOptions, subject: "shard size",
      "\(output.maximumShardByteCount ?? 0) bytes hold no tensor")
    try GrowthError.check(
      source.status == nil || output.only == nil, .invalidOptions, subject: "only",
      "a part of a training state is none; grow the weights alone")
  }

  private func checkTarget(_ path: String, _ output: Output) throws {
    func directory(_ path: String) -> String {
      let real = URL(filePath: path).resolvingSymlinksInPath().path(percentEncoded: false)
      return real.hasSuffix("/") ? real : real + "/"
    }
    try GrowthError.check(
      !directory(source.url.path(percentEncoded: false)).hasPrefix(directory(path)),
      .unwritableTarget, subject: path, "holds the model that is grown; give another path")
    guard FileManager.default.fileExists(atPath: path) else { return }
    let listing = try? FolderListing(of: path)
    if let listing, listing.isEmpty { return }
    try GrowthError.check(
      listing?.names.contains(TrainingStateFiles.configuration) ?? false, .unwritableTarget,
      subject: path,
      "exists and is not a model's directory; give another path")
    try GrowthError.check(
      output.overwrites, .unwritableTarget, subject: path,
      "exists; give another path, or replace it (--overwrite)")
    try checkReplaceable(path)
  }

  /// Only what the manifest there names may be deleted with the directory.
  private func checkReplaceable(_ path: String) throws {
    let url = URL(filePath: path, directoryHint: .isDirectory)
    guard Manifest.exists(in: url), let manifest = try? Manifest(reading: url) else {
      throw GrowthError(
        .unwritableTarget,
        "cannot be replaced, since no intact \(Manifest.fileName) tells which of its files are the "
          + "model's; remove it, or give another path", subject: path)
    }
    let known = Set(manifest.files.keys).union([Manifest.fileName])
    let strangers = DirectoryContents(url).strangers(besides: known)
    try GrowthError.check(
      strangers.isEmpty, .unwritableTarget, subject: path,
      "cannot be replaced, since it holds more than the model: "
        + "\(DirectoryContents.list(strangers)); move that away, or give another path")
  }
}
