// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// How closely files are compared with their manifest.
public enum VerificationLevel: Sendable, Hashable {
  /// Presence and size: cheap, finds what was cut short.
  case sizes
  /// Every byte, by SHA-256.
  case checksums
}

/// A file of a checkpoint that is not as its manifest says.
public struct FileProblem: Sendable, Hashable, CustomStringConvertible {
  /// What is wrong with a file.
  public enum Kind: Sendable, Hashable {
    /// There is no such file.
    case missing
    /// The file has another size.
    case wrongSize(expected: Int, found: Int)
    /// The size is right and the bytes are not.
    case wrongChecksum
    /// The file cannot be read, or, for the manifest, understood; with the reason.
    case unreadable(String)
  }

  /// The file's path in its directory.
  public var file: String
  /// What is wrong with it.
  public var kind: Kind

  /// Makes a finding.
  public init(file: String, kind: Kind) {
    self.file = file
    self.kind = kind
  }

  /// The file and what is wrong with it, for people.
  public var description: String {
    switch kind {
    case .missing: "\(file) is missing"
    case .wrongSize(let expected, let found):
      "\(file) has \(counted(found, "byte")) instead of \(expected)"
    case .wrongChecksum: "\(file) has changed: its SHA-256 is not the manifest's"
    case .unreadable(let reason): "\(file): \(reason)"
    }
  }
}

/// A checkpoint on disk: a directory that appears whole or not at all, with a manifest that tells
/// whether it still is whole.
public enum CheckpointDirectory {
  /// Writes a checkpoint: what `body` puts there, and the manifest.
  ///
  /// - Throws: what `body` throws, or ``CheckpointsError``; then whatever was at `target` before is
  ///   still there.
  @discardableResult
  public static func write(
    to target: URL, _ body: (CheckpointWriter) throws -> Void
  ) throws -> Manifest {
    try AtomicDirectory.write(to: target) { directory in
      let writer = CheckpointWriter(directory: directory)
      try body(writer)
      let manifest = try Manifest(of: directory, known: writer.digests)
      try manifest.write(to: directory)
      return manifest
    }
  }

  /// Completes a checkpoint whose large files are there: adds what `body` puts there, and the
  /// manifest, and gives it its name.
  package static func complete(
    _ directory: ResumableDirectory, _ body: (CheckpointWriter) throws -> Void
  ) throws {
    let writer = CheckpointWriter(directory: directory.url, digests: directory.finished)
    try body(writer)
    try Manifest(files: writer.digests).write(to: directory.url)
    try directory.commit()
  }

  /// Compares a checkpoint's files with its manifest; files that it does not name may be there.
  ///
  /// - Returns: what is wrong, by file name; nothing where all is well. A manifest that is missing
  ///   or makes no sense is itself a problem.
  public static func problems(
    in directory: URL, level: VerificationLevel = .checksums
  ) -> [FileProblem] {
    let manifest: Manifest
    do {
      manifest = try Manifest(reading: directory)
    } catch {
      return [manifestProblem(error, in: directory)]
    }
    var problems: [FileProblem] = []
    var sound: [String] = []
    for (file, digest) in manifest.files.sorted(by: { $0.key < $1.key }) {
      if let kind = sizeProblem(directory.appending(path: file), digest) {
        problems.append(FileProblem(file: file, kind: kind))
      } else {
        sound.append(file)
      }
    }
    if level == .checksums {
      problems += checksumProblems(sound, manifest, in: directory)
    }
    return problems.sorted { $0.file < $1.file }
  }

  /// Throws unless every file is as the manifest says.
  ///
  /// - Throws: ``CheckpointsError`` of code `damagedCheckpoint` that names every damaged file.
  public static func verify(_ directory: URL, level: VerificationLevel = .checksums) throws {
    let problems = problems(in: directory, level: level)
    if problems.isEmpty { return }
    throw CheckpointsError(
      .damagedCheckpoint,
      problems.map(\.description).joined(separator: "; ")
        + ". Use another checkpoint, or copy this one again from where it came",
      subject: directory.path)
  }

  private static func manifestProblem(_ error: any Error, in directory: URL) -> FileProblem {
    let url = directory.appending(path: Manifest.fileName)
    guard FileManager.default.fileExists(atPath: url.path) else {
      return FileProblem(file: Manifest.fileName, kind: .missing)
    }
    let reason = (error as? CheckpointsError)?.explanation ?? reason(of: error)
    return FileProblem(file: Manifest.fileName, kind: .unreadable(reason))
  }

  private static func sizeProblem(_ url: URL, _ digest: FileDigest) -> FileProblem.Kind? {
    var information = stat()
    guard stat(url.path, &information) == 0 else {
      return errno == ENOENT ? .missing : .unreadable(systemReason(errno))
    }
    guard information.st_mode & S_IFMT == S_IFREG else { return .unreadable("not a regular file") }
    let found = Int(information.st_size)
    return found == digest.byteCount
      ? nil : .wrongSize(expected: digest.byteCount, found: found)
  }

  private static func checksumProblems(
    _ files: [String], _ manifest: Manifest, in directory: URL
  ) -> [FileProblem] {
    let results = FileDigest.ofAll(files.map { directory.appending(path: $0) })
    return zip(files, results).compactMap { file, result in
      switch result {
      case .success(let digest) where digest == manifest.files[file]: nil
      case .success: FileProblem(file: file, kind: .wrongChecksum)
      case .failure(let error):
        FileProblem(file: file, kind: .unreadable(String(describing: error)))
      }
    }
  }
}
