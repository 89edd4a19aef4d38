// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Documents
import Foundation
import Synchronization
import Wording

/// A directory that is made file by file under a hidden name, `.partial-NAME`, and gets its own when
/// it is whole.
///
/// Each finished file goes into a journal with its checksum. Work that was stopped, in whatever way,
/// can be taken up by another process: files in the journal that are still what it says are kept.
/// Work of another identity is never taken up.
package final class ResumableDirectory: Sendable {
  /// The directory under its hidden name.
  package let url: URL
  /// Where it shall be.
  package let target: URL
  private let identity: String
  nonisolated(unsafe) private let descriptor: FileDescriptor
  private let files: Mutex<[String: FileDigest]>
  private let isCommitted = Mutex(false)

  /// The files that are finished, with those of an earlier process.
  package var finished: [String: FileDigest] { files.withLock { $0 } }

  private static let journalName = ".journal.jsonl"

  private struct Header: Codable {
    var formatVersion = 1
    var identity: String
  }

  private struct Line: Codable {
    var file: String
    var bytes: Int
    var sha256: String
  }

  /// Where the unfinished form of a directory is, or would be.
  package static func partialURL(of target: URL) -> URL {
    let target = target.behindLinks
    return target.deletingLastPathComponent().appending(
      path: ".partial-\(target.lastPathComponent)", directoryHint: .isDirectory)
  }

  /// Begins, or goes on with what another process left.
  ///
  /// - Parameters:
  ///   - identity: tells this work from any other; equal for works that make equal files.
  ///   - resuming: whether finished files of the same work are kept; otherwise what is left of
  ///     earlier work is removed.
  /// - Throws: ``CheckpointsError`` of code `unfinishedWork` where another process is at work, or where
  ///   what shall be resumed is other work; `unwritableFile`.
  package init(for target: URL, identity: String, resuming: Bool) throws {
    let target = target.behindLinks
    self.target = target
    self.identity = identity
    url = Self.partialURL(of: target)
    let parent = target.deletingLastPathComponent()
    try makeDirectories(parent)
    removeLeftovers(in: parent)
    guard mkdir(url.path, 0o777) == 0 || errno == EEXIST else {
      throw CheckpointsError.writing(target, "create", errno: errno)
    }
    descriptor = try FileDescriptor(url, O_RDONLY | O_DIRECTORY)
    guard descriptor.tryLock() != .heldByAnother, descriptor.isAt(url) else {
      throw CheckpointsError(
        .unfinishedWork, "is being written by another process", subject: target.path)
    }
    let kept = resuming ? try Self.intactFiles(in: url, identity) : [:]
    files = Mutex(kept)
    try writeJournal(kept)
    try Self.removeItems(in: url, except: Set(kept.keys).union([Self.journalName]))
  }

  /// The files of the journal whose bytes are what it says.
  private static func intactFiles(in url: URL, _ identity: String) throws -> [String: FileDigest] {
    let journal = url.appending(path: journalName)
    guard let data = try? RegularFile.contents(of: journal.path, atMost: 256 << 20) else {
      return [:]
    }
    let lines = data.split(separator: UInt8(ascii: "\n"))
    func decoded<Value: Decodable>(_ line: Data) -> Value? {
      try? Document(parsing: line).decode()
    }
    // The last line may be half of one.
    guard let first = lines.first, let header: Header = decoded(first) else { return [:] }
    guard header.identity == identity, header.formatVersion == Header(identity: "").formatVersion
    else {
      throw CheckpointsError(
        .unfinishedWork,
        "is the beginning of other work than this: another source, other options or another "
          + "version made it. Without --resume it is replaced", subject: url.path)
    }
    let listed = lines.dropFirst().compactMap { decoded($0) as Line? }
      .filter { isPlainFileName($0.file) }
    let digests = FileDigest.ofAll(listed.map { url.appending(path: $0.file) })
    var result: [String: FileDigest] = [:]
    for (line, digest) in zip(listed, digests) {
      let expected = FileDigest(byteCount: line.bytes, sha256: line.sha256)
      if case .success(expected) = digest.mapError({ _ in Mismatch() }) {
        result[line.file] = expected
      }
    }
    return result
  }

  private struct Mismatch: Error {}

  private static func removeItems(in url: URL, except kept: Set<String>) throws {
    let manager = FileManager.default
    for name in (try? manager.contentsOfDirectory(atPath: url.path)) ?? []
    where !kept.contains(name) {
      do { try manager.removeItem(at: url.appending(path: name)) } catch {
        throw CheckpointsError(
          .unwritableFile, "cannot remove \(name): \(reason(of: error))",
          subject: url.path)
      }
    }
  }

  private func writeJournal(_ files: [String: FileDigest]) throws {
    var data = try encoded(Header(identity: identity))
    for (name, digest) in files.sorted(by: { $0.key < $1.key }) { data += try line(name, digest) }
    _ = try OutputFile.write(data, to: url.appending(path: Self.journalName))
  }

  private func line(_ name: String, _ digest: FileDigest) throws -> Data {
    try encoded(Line(file: name, bytes: digest.byteCount, sha256: digest.sha256))
  }

  private func encoded(_ value: some Encodable) throws -> Data {
    try Document.line(value) + Data("\n".utf8)
  }

  /// Notes that a file is finished and under its name in the directory.
  package func record(_ name: String, _ digest: FileDigest) throws {
    let line = try line(name, digest)
    try files.withLock { files in
      files[name] = digest
      let journal = try FileDescriptor(
        url.appending(path: Self.journalName), O_WRONLY | O_APPEND)
      // A line that is lost or half written costs a resumed process the work, and nothing else: so
      // nobody waits for the disk.
      _ = line.withUnsafeBytes { bytes in
        FileDescriptor.retrying { Foundation.write(journal.number, bytes.baseAddress, bytes.count) }
      }
    }
  }

  /// Gives the directory its name, in place of what has it.
  package func commit() throws {
    try? FileManager.default.removeItem(at: url.appending(path: Self.journalName))
    try AtomicDirectory.replace(target, with: url)
    isCommitted.withLock { $0 = true }
    release()
  }

  /// Removes everything.
  package func discard() {
    guard !isCommitted.withLock({ $0 }) else { return }
    // A killed removal leaves a hidden directory that the next writer removes.
    try? FileManager.default.removeItem(at: url)
    release()
  }

  /// Leaves the directory as it is, for another to go on with.
  package func release() { descriptor.unlock() }
}

extension ResumableDirectory {
  /// Checks that the file system has room for what is not finished yet.
  ///
  /// - Throws: ``CheckpointsError`` of code `outOfSpace`.
  package func checkRoom(for layouts: [ShardLayout]) throws {
    let finished = finished
    let needed = layouts.flatMap(\.shards).filter { finished[$0.name] == nil }
      .reduce(0) { $0 + $1.header.fileByteCount }
    try DiskRoom.check(needed, at: target)
  }
}
