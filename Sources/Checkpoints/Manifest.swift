// SPDX-License-Identifier: Apache-2.0
import Documents
import Foundation
import OrderedJSON
import Wording

/// What a checkpoint directory should hold: every file's size and SHA-256, in `manifest.json`.
public struct Manifest: Sendable, Hashable {
  /// The file's name in a directory.
  public static let fileName = "manifest.json"
  /// The version that this library writes, and the newest that it reads.
  public static let formatVersion = 1

  /// The files by their path in the directory, `/` between parts.
  public var files: [String: FileDigest]

  /// Makes a manifest of known files.
  public init(files: [String: FileDigest]) { self.files = files }

  /// Whether a directory has a manifest of this library's.
  ///
  /// Other programs have files of this name too: one that is a JSON object without a format version
  /// is theirs. One that cannot be understood may be ours, and damaged.
  public static func exists(in directory: URL) -> Bool {
    let url = directory.appending(path: fileName)
    guard FileManager.default.fileExists(atPath: url.path) else { return false }
    guard let data = try? smallFile(url, failure: .invalidManifest),
      let contents = try? Document(parsing: data).value, case .object = contents
    else { return true }
    return contents[Contents.CodingKeys.formatVersion.rawValue] != nil || listsChecksums(contents)
  }

  /// Whether files with their checksums are listed as ours are: the key of the version may be damaged.
  private static func listsChecksums(_ contents: JSONValue) -> Bool {
    guard case .object(let files)? = contents[Contents.CodingKeys.files.rawValue] else {
      return false
    }
    return files.members.contains {
      $0.value["bytes"]?.integer != nil && $0.value["sha256"]?.text != nil
    }
  }

  /// Describes every file in a directory except the manifest itself.
  ///
  /// - Parameter known: digests computed while writing, which are taken without reading again.
  /// - Throws: ``CheckpointsError`` of code `unreadableFile`.
  public init(of directory: URL, known: [String: FileDigest] = [:]) throws {
    var files: [String: FileDigest] = [:]
    var unknown: [String] = []
    for path in try Self.paths(in: directory) {
      if let digest = known[path] { files[path] = digest } else { unknown.append(path) }
    }
    let digests = FileDigest.ofAll(unknown.map { directory.appending(path: $0) })
    for (path, digest) in zip(unknown, digests) { files[path] = try digest.get() }
    self.files = files
  }

  private static func paths(in directory: URL) throws -> [String] {
    do {
      return try FileManager.default.subpathsOfDirectory(atPath: directory.path).filter { path in
        var isDirectory: ObjCBool = false
        let item = directory.appending(path: path).path
        return FileManager.default.fileExists(atPath: item, isDirectory: &isDirectory)
          && !isDirectory.boolValue && path != fileName
      }
    } catch {
      throw CheckpointsError(
        .unreadableFile, "cannot list: \(reason(of: error))", subject: directory.path)
    }
  }

  /// Reads a directory's manifest.
  ///
  /// - Throws: ``CheckpointsError`` of code `unreadableFile` or `invalidManifest`; a path that leads
  ///   out of the directory is refused.
  public init(reading directory: URL) throws {
    let url = directory.appending(path: Self.fileName)
    let contents = try decodeJSON(Contents.self, from: url, failure: .invalidManifest)
    guard contents.formatVersion == Self.formatVersion else {
      throw CheckpointsError(
        .invalidManifest,
        "has format version \(contents.formatVersion); this program reads \(Self.formatVersion)",
        subject: url.path)
    }
    for path in contents.files.keys where !Self.staysInside(path) {
      throw CheckpointsError(
        .invalidManifest, "names “\(path)”, which is not a file below its directory",
        subject: url.path)
    }
    for (path, file) in contents.files.sorted(by: { $0.key < $1.key }) where file.bytes < 0 {
      throw CheckpointsError(
        .invalidManifest,
        "says that “\(path)” has \(file.bytes) bytes; expected a count of at least 0",
        subject: url.path)
    }
    files = contents.files.mapValues { FileDigest(byteCount: $0.bytes, sha256: $0.sha256) }
  }

  private static func staysInside(_ path: String) -> Bool {
    path.split(separator: "/", omittingEmptySubsequences: false)
      .allSatisfy { isPlainFileName(String($0)) }
  }

  /// Writes `manifest.json` into a directory.
  public func write(to directory: URL) throws {
    let contents = Contents(
      formatVersion: Self.formatVersion,
      files: files.mapValues { Contents.File(bytes: $0.byteCount, sha256: $0.sha256) })
    let data = try Document.encoded(contents) + Data("\n".utf8)
    _ = try OutputFile.write(data, to: directory.appending(path: Self.fileName))
  }

  private struct Contents: Codable {
    struct File: Codable {
      var bytes: Int
      var sha256: String
    }
    var formatVersion: Int
    var files: [String: File]
    enum CodingKeys: String, CodingKey {
      case formatVersion = "format_version"
      case files
    }
  }
}
