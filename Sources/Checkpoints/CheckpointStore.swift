// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// The checkpoints of one run: directories `step-00001234` in its folder `checkpoints/`, and the link
/// `latest` to the one that was saved last.
public struct CheckpointStore: Sendable {
  /// One checkpoint in the folder.
  public struct Item: Sendable, Hashable {
    /// Optimizer steps done when it was written.
    public let step: Int
    /// The directory.
    public let url: URL
  }

  /// A checkpoint that cannot be used, and why.
  public struct Damaged: Sendable, Hashable, CustomStringConvertible {
    /// The checkpoint.
    public let item: Item
    /// What is wrong with its files.
    public let problems: [FileProblem]

    /// The checkpoint and what is wrong with its files, for people.
    public var description: String {
      "\(item.url.lastPathComponent): "
        + problems.map(\.description).joined(separator: "; ")
    }
  }

  /// The newest checkpoint that is whole, and the newer ones that are not.
  public struct Latest: Sendable, Hashable {
    /// The checkpoint to go on from; nil where no whole one exists.
    public let item: Item?
    /// Newer checkpoints that had to be passed over, newest first.
    public let damaged: [Damaged]
  }

  /// The folder.
  public let directory: URL

  /// A store in this folder, which need not exist yet.
  public init(_ directory: URL) { self.directory = directory }

  /// Where the checkpoint of a step is or would be.
  public func url(step: Int) -> URL {
    precondition(step >= 0, "negative step \(step)")
    return directory.appending(path: Self.name(step: step))
  }

  /// Writes the checkpoint of a step; one of that step is replaced.
  @discardableResult
  public func write(step: Int, _ body: (CheckpointWriter) throws -> Void) throws -> Item {
    let item = Item(step: step, url: url(step: step))
    try CheckpointDirectory.write(to: item.url, body)
    return item
  }

  /// All checkpoints, whole or damaged, from the first step to the last.
  ///
  /// - Throws: ``CheckpointsError`` of code `unreadableFile`; a folder that does not exist is empty.
  public func list() throws -> [Item] {
    guard FileManager.default.fileExists(atPath: directory.path) else { return [] }
    restoreReplaced(in: directory)
    do {
      return try FileManager.default.contentsOfDirectory(atPath: directory.path)
        .compactMap { name in
          Self.step(of: name).map { Item(step: $0, url: directory.appending(path: name)) }
        }
        .sorted { $0.step < $1.step }
    } catch {
      throw CheckpointsError(
        .unreadableFile, "cannot list: \(reason(of: error))", subject: directory.path)
    }
  }

  /// Finds the newest checkpoint that is whole.
  ///
  /// - Parameter level: how closely files are compared; checksums read every byte.
  public func latestValid(level: VerificationLevel = .checksums) throws -> Latest {
    var damaged: [Damaged] = []
    for item in try list().reversed() {
      let problems = CheckpointDirectory.problems(in: item.url, level: level)
      if problems.isEmpty { return Latest(item: item, damaged: damaged) }
      damaged.append(Damaged(item: item, problems: problems))
    }
    return Latest(item: nil, damaged: damaged)
  }

  /// Removes the oldest checkpoints until `count` are left, but never the newest whole one, nor one in
  /// whose directory somebody keeps files of their own.
  ///
  /// - Parameters:
  ///   - level: how the newest whole one is found.
  ///   - protected: steps whose checkpoints stay as well.
  /// - Returns: what was removed.
  /// - Throws: ``CheckpointsError`` of code `unwritableFile`.
  @discardableResult
  public func prune(
    keeping count: Int, level: VerificationLevel = .checksums, protecting protected: Set<Int> = []
  ) throws -> [Item] {
    precondition(count >= 0, "cannot keep \(count) checkpoints")
    let items = try list()
    guard items.count > count else { return [] }
    let newestWhole = try latestValid(level: level).item
    let removed = items.dropLast(count).filter {
      $0 != newestWhole && !protected.contains($0.step) && isOurs($0)
    }
    for item in removed { try discard(item.url) }
    return removed
  }

  /// Whether a checkpoint is a directory that holds nothing but what was written into it.
  private func isOurs(_ item: Item) -> Bool {
    var information = stat()
    guard lstat(item.url.path, &information) == 0, information.st_mode & S_IFMT == S_IFDIR else {
      return false
    }
    // Without a manifest nothing tells whose the files are; what is damaged goes as ever.
    guard let manifest = try? Manifest(reading: item.url) else { return true }
    let known = Set(manifest.files.keys).union([Manifest.fileName])
    return DirectoryContents(item.url).strangers(besides: known).isEmpty
  }

  /// Removes the checkpoints after a step: those of a course that a run has given up.
  ///
  /// - Throws: ``CheckpointsError`` of code `unwritableFile`.
  package func removeLater(than step: Int) throws {
    for item in try list() where item.step > step { try discard(item.url) }
  }

  static func name(step: Int) -> String {
    let digits = String(step)
    return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  static func step(of name: String) -> Int? {
    guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), step >= 0 else { return nil }
    return Self.name(step: step) == name ? step : nil
  }
}
