// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Training

extension TrainingRun {
  /// The checkpoint of a step.
  ///
  /// - Throws: ``StagingError`` of code `runUnavailable` that names the steps there are.
  func checkpoint(ofStep step: Int) throws -> CheckpointStore.Item {
    let items = try CheckpointStore(directory.checkpoints).list()
    if let item = items.first(where: { $0.step == step }) { return item }
    let steps = items.map { String($0.step) }.joined(separator: ", ")
    throw StagingError(
      .runUnavailable,
      "there is no checkpoint of step \(step); "
        + (items.isEmpty ? "the run has none yet" : "those there are have the steps \(steps)"),
      subject: directory.checkpoints.path(percentEncoded: false))
  }

  /// Sets aside what came after a checkpoint, so that the run goes on from there: later checkpoints,
  /// growths and stages, and a copy of the log.
  ///
  /// Nothing is deleted. Killed on the way, this leaves the newest checkpoint for last, so that the run
  /// is where it was, and the user can go back once more.
  func goBack(toStep step: Int, observer: (TrainingRunEvent) -> Void) throws {
    let item = try checkpoint(ofStep: step)
    try CheckpointDirectory.verify(item.url)
    let later = try CheckpointStore(directory.checkpoints).list().filter { $0.step > step }
    let stage = try TrainingState.status(in: item.url).stage?.index ?? 0
    var items = laterStages(than: stage) + later.map(\.url)
    guard !items.isEmpty else { return }
    let aside = try newFolder()
    do {
      if FileManager.default.fileExists(atPath: directory.log.path(percentEncoded: false)) {
        items.insert(directory.log, at: 0)
      }
      for item in items {
        let target = aside.appending(path: item.lastPathComponent)
        if item == directory.log {
          try FileManager.default.copyItem(at: item.resolvingSymlinksInPath(), to: target)
        } else {
          try FileManager.default.moveItem(at: item, to: target)
        }
      }
    } catch {
      throw StagingError(
        .runUnavailable,
        "what came after step \(step) cannot be set aside; is there room, and may you write there?",
        subject: aside.path(percentEncoded: false))
    }
    observer(
      .note(
        "Going back to step \(step); what came after it is kept in "
          + "\(aside.path(percentEncoded: false))"))
  }

  /// The last states and the receipts of growths that the run has come past a stage's to.
  private func laterStages(than index: Int) -> [URL] {
    let path = directory.stages.path(percentEncoded: false)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.sorted().filter { name in
      guard let number = name.split(separator: "-").last.flatMap({ Int($0) }) else { return false }
      return !name.hasPrefix(".") && number > index
    }.map { directory.stages.appending(path: $0, directoryHint: .isDirectory) }
  }

  private func newFolder() throws -> URL {
    var number = 1
    var url = directory.abandoned.appending(path: "1", directoryHint: .isDirectory)
    while FileManager.default.fileExists(atPath: url.path(percentEncoded: false)) {
      number += 1
      url = directory.abandoned.appending(path: String(number), directoryHint: .isDirectory)
    }
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      throw StagingError(
        .runUnavailable, "cannot be made; may you write there?",
        subject: url.path(percentEncoded: false))
    }
    return url
  }
}
