// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Training

/// Writes a directory of an export or an import: whole or not at all, and taken up again where asked.
struct ExchangeWriting {
  /// Where the weights come from.
  let source: GrowthSource
  /// Files beside the source that the directory must not replace.
  var inputs: [URL] = []
  /// The files with tensors.
  let files: ExchangedFiles
  /// Whether a model that is there already is replaced.
  let overwrites: Bool
  /// Whether files that an interrupted work has finished are kept.
  let resumes: Bool

  /// Writes the directory.
  ///
  /// - Parameters:
  ///   - identity: what decides the files beside their sources.
  ///   - small: writes the other files.
  ///   - observe: hears how far the work is; what it throws ends it.
  func write(
    to target: URL, identity: Data, small: (CheckpointWriter) throws -> Void,
    observe: (ModelGrowth.Progress) throws -> Void
  ) throws {
    let target = target.absoluteURL.standardizedFileURL
    try TargetDirectory(target).check(sources: [source.url] + inputs, overwrites: overwrites)
    let directory = try ResumableDirectory(
      for: target, identity: FileDigest(of: try files.marks(of: source) + identity).sha256,
      resuming: resumes)
    do {
      try directory.checkRoom(for: files.layouts)
      try fill(directory, small, observe)
    } catch {
      if !ModelGrowth.keepsFinished(error) || directory.finished.isEmpty {
        directory.discard()
      } else {
        directory.release()
      }
      throw error
    }
  }

  private func fill(
    _ directory: ResumableDirectory, _ small: (CheckpointWriter) throws -> Void,
    _ observe: (ModelGrowth.Progress) throws -> Void
  ) throws {
    let total = files.byteCount
    func tell(_ stage: ModelGrowth.Progress.Stage, _ done: Int) throws {
      try observe(ModelGrowth.Progress(stage: stage, doneByteCount: done, byteCount: total))
    }
    let stream = try ExchangeStream(files)
    let sources = source.files
    let digests = BackgroundWork { try sources.digests() }
    try ShardPipeline(files.layouts, in: directory)
      .run(makeWorker: { stream.maker() }) { try tell(.growing, $0) }
    repeat { try tell(.checking, total) } while !digests.isDone(within: 50)
    _ = try digests.value()
    try tell(.completing, total)
    try CheckpointDirectory.complete(directory) { writer in
      for index in files.layouts.compactMap(\.index) {
        try writer.write(Data(index.contents.json.utf8), to: index.name)
      }
      try small(writer)
    }
  }
}
