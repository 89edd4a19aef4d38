// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation
import Wording

/// The texts that paths name, and what else was in the folders among them.
///
/// A file ending in `.jsonl` or `.ndjson`, with or without `.gz` or `.dz`, is JSON lines; any other
/// file is one document. A folder gives its `.txt`, `.jsonl` and `.ndjson` files (or `.gz`, `.dz` of
/// them), or those whose names match a pattern where patterns are given, also those of the folders in
/// it, in the order of their names' bytes. Hidden files, links to folders, and names that are not UTF-8
/// are passed over.
public struct CorpusSearch: Sendable, Hashable {
  /// Files in folders that are alike.
  public struct Group: Sendable, Hashable, Codable {
    /// The ending of their names, such as `.txt`, or what they are.
    public var kind: String
    /// How many there are.
    public var fileCount: Int
    /// Bytes in them, as they stand on disk.
    public var byteCount: Int

    /// Makes a group.
    public init(kind: String, fileCount: Int, byteCount: Int) {
      self.kind = kind
      self.fileCount = fileCount
      self.byteCount = byteCount
    }
  }

  /// The texts, in order.
  public private(set) var inputs: [CorpusInput] = []
  /// The files of folders that are among the texts; most bytes first.
  public var read: [Group] { Self.groups(readFiles) }
  /// The files of folders that were passed over; most bytes first.
  public var skipped: [Group] { Self.groups(skippedFiles) }

  /// The files and folders in folders whose names are not UTF-8, which no option can name, by their
  /// paths with such bytes spelled out.
  public private(set) var strangelyNamed: [String] = []

  private let patterns: [String]
  private var readFiles: [String: Group] = [:]
  private var skippedFiles: [String: Group] = [:]

  /// Looks for texts.
  ///
  /// - Parameters:
  ///   - paths: Files, folders, and `-` for standard input.
  ///   - patterns: The only files to take from folders, such as `*.py`: `*`, `?` and `[…]` match in
  ///     the name, or in the path from the folder where the pattern has a `/`. Files that are named
  ///     themselves are always taken.
  ///   - standardInput: How documents stand in standard input.
  /// - Throws: ``TextError`` of code `unreadableInput` for a path without a file, a folder without
  ///   text, or standard input named twice.
  public init(
    _ paths: [String], including patterns: [String] = [],
    standardInput: CorpusInput.Format = .text
  ) throws {
    guard paths.count(where: { $0 == "-" }) < 2 else {
      throw TextError(
        .unreadableInput, "is named twice, but can be read only once", subject: "standard input")
    }
    self.patterns = patterns
    for path in paths {
      if path == "-" {
        inputs.append(CorpusInput(.standardInput, format: standardInput))
      } else {
        try add(path)
      }
    }
  }

  private mutating func add(_ path: String) throws {
    var information = stat()
    guard stat(path, &information) == 0 else { throw Self.missing(path, errno) }
    let kind = FileKind(information)
    guard kind == .folder else {
      guard kind == .regular || kind == .pipe else { throw kind.isNoText(path) }
      return inputs.append(CorpusInput(path: path))
    }
    let before = inputs.count
    try addFolder(path, beneath: "")
    if inputs.count == before { throw noText(in: path) }
  }

  private static func missing(_ path: String, _ code: Int32) -> TextError {
    let reason = systemReason(code)
    guard code == ENOENT || code == ELOOP,
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path)
    else {
      return TextError(.unreadableInput, "cannot be read: \(reason)", subject: path)
    }
    let fault = code == ELOOP ? "leads in a circle" : "leads nowhere"
    return TextError(
      .unreadableInput, "is a link to “\(target)” that \(fault); correct it, or name the file",
      subject: path)
  }

  private func noText(in folder: String) -> TextError {
    let held = Self.list(skipped)
    let wanted =
      patterns.isEmpty
      ? "holds no .txt, .jsonl or .ndjson file (or .gz, .dz of one)"
      : "holds no file that matches \(patterns.map { "“\($0)”" }.joined(separator: " or "))"
    let remedy =
      held.isEmpty
      ? "" : "; it holds \(held). Say which to take with --include, as in --include '*.py'"
    let strange = strangeRemark.map { ". \($0)" } ?? ""
    return TextError(.unreadableInput, wanted + remedy + strange, subject: folder)
  }

  private mutating func addFolder(_ folder: String, beneath: String) throws {
    let parent = folder.hasSuffix("/") ? folder : folder + "/"
    let listing = try Self.listing(of: folder)
    strangelyNamed += listing.strangeNames.map { parent + $0 }
    for name in listing.names {
      let path = parent + name
      var information = stat()
      guard lstat(path, &information) == 0 else {
        skip("unreadable names", 0)
        continue
      }
      if name.hasPrefix(".") {
        skip("hidden", FileKind(information) == .regular ? Int(information.st_size) : 0)
      } else if FileKind(information) == .folder {
        try addFolder(path, beneath: "\(beneath)\(name)/")
      } else if stat(path, &information) != 0 {
        skip("links that lead nowhere", 0)
      } else {
        addFile(path, name: name, beneath: beneath, information)
      }
    }
  }

  private mutating func addFile(
    _ path: String, name: String, beneath: String, _ information: stat
  ) {
    switch FileKind(information) {
    case .regular:
      let isWanted = isWanted(name, beneath: beneath)
      if isWanted { inputs.append(CorpusInput(path: path)) }
      let (kind, byteCount) = (Self.ending(of: name), Int(information.st_size))
      isWanted ? Self.count(kind, byteCount, in: &readFiles) : skip(kind, byteCount)
    case .folder: skip("links to folders", 0)
    case .pipe, .socket, .device: skip("pipes, sockets and devices", 0)
    }
  }

  private func isWanted(_ name: String, beneath: String) -> Bool {
    guard !patterns.isEmpty else {
      return ["txt", "jsonl", "ndjson"].contains(CorpusInput.textExtension(of: name))
    }
    return patterns.contains { pattern in
      fnmatch(pattern, pattern.contains("/") ? beneath + name : name, 0) == 0
    }
  }

  private mutating func skip(_ kind: String, _ byteCount: Int) {
    Self.count(kind, byteCount, in: &skippedFiles)
  }

  private static func count(_ kind: String, _ byteCount: Int, in files: inout [String: Group]) {
    files[kind, default: Group(kind: kind, fileCount: 0, byteCount: 0)].fileCount += 1
    files[kind]?.byteCount += byteCount
  }

  private static func ending(of name: String) -> String {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).dropFirst()
    guard let last = parts.last, !last.isEmpty, last.utf8.count <= 10 else { return "no ending" }
    let isCompressed = CorpusInput.compressedExtensions.contains(last.lowercased())
    return "." + (isCompressed ? parts.suffix(2).joined(separator: ".") : String(last)).lowercased()
  }

  private static func groups(_ files: [String: Group]) -> [Group] {
    files.values.sorted { ($1.byteCount, $0.kind) < ($0.byteCount, $1.kind) }
  }

  private static func listing(of folder: String) throws -> FolderListing {
    do { return try FolderListing(of: folder) } catch {
      throw TextError(
        .unreadableInput,
        "cannot be listed: \(reason(of: error)); make it readable, or name its files",
        subject: folder)
    }
  }
}

extension CorpusSearch {
  /// What folders gave and what was passed over, for people; nothing where no folder was named.
  public var remarks: [String] {
    var lines: [String] = []
    if !readFiles.isEmpty { lines.append("From folders: \(Self.list(read)).") }
    if !skippedFiles.isEmpty {
      let remedy = patterns.isEmpty ? " --include takes others, as in --include '*.py'." : ""
      lines.append("Passed over: \(Self.list(skipped)).\(remedy)")
    }
    return lines + (strangeRemark.map { [$0] } ?? [])
  }

  private var strangeRemark: String? {
    guard !strangelyNamed.isEmpty else { return nil }
    let shown = strangelyNamed.prefix(5).map { "“\($0)”" }.joined(separator: ", ")
    let rest = strangelyNamed.count - 5
    return
      "Passed over, since the name is not UTF-8: \(shown)\(rest > 0 ? " and \(rest) more" : ""). "
      + "Rename what is text."
  }

  private static func list(_ groups: [Group]) -> String {
    let shown = groups.prefix(8).map { group in
      let kind = group.fileCount == 1 ? singulars[group.kind] ?? group.kind : group.kind
      let count = "\(group.fileCount) \(kind)"
      return group.byteCount > 0 ? "\(count) (\(size(group.byteCount)))" : count
    }
    let rest = groups.dropFirst(8)
    let count = rest.reduce(0) { $0 + $1.fileCount }
    let others =
      count > 0
      ? ["\(counted(count, "other")) (\(size(rest.reduce(0) { $0 + $1.byteCount })))"] : []
    return (shown + others).joined(separator: ", ")
  }

  /// What one is called of kinds that are named as several.
  private static let singulars = [
    "unreadable names": "unreadable name", "links that lead nowhere": "link that leads nowhere",
    "links to folders": "link to a folder", "pipes, sockets and devices": "pipe, socket or device",
  ]

  private static func size(_ byteCount: Int) -> String {
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")]
    for (unit, name) in units where Double(byteCount) >= unit {
      return String(format: "%.1f ", Double(byteCount) / unit) + name
    }
    return "\(byteCount) B"
  }
}
