// SPDX-License-Identifier: Apache-2.0
import Foundation

/// One file of text, or standard input.
public struct CorpusInput: Sendable, Hashable {
  /// Where the text is.
  public enum Location: Sendable, Hashable {
    case file(URL), standardInput
  }
  /// How documents stand in it.
  public enum Format: String, Sendable, Hashable, CaseIterable {
    /// The whole is one document.
    case text
    /// Each line is a JSON object whose string `text` is one document.
    case jsonLines = "jsonl"
  }
  /// Where the text is.
  public var location: Location
  /// How documents stand in it.
  public var format: Format

  /// Makes an input.
  public init(_ location: Location, format: Format) {
    self.location = location
    self.format = format
  }

  /// The inputs that paths name, in order: files, folders, and `-` for standard input.
  ///
  /// A file ending in `.jsonl`, with or without `.gz` or `.dz`, is JSON lines; any other file is
  /// one document. A folder gives its `.txt` and `.jsonl` files (or `.gz`, `.dz` of them), also
  /// those of the folders in it, in the order of their names' bytes; hidden files and links to
  /// folders are passed over.
  ///
  /// - Throws: ``TextError`` of code `unreadableInput` for a path without a file, a folder without
  ///   text, or standard input named twice.
  public static func find(_ paths: [String], standardInput: Format = .text) throws
    -> [CorpusInput]
  {
    guard paths.count(where: { $0 == "-" }) < 2 else {
      throw TextError(
        .unreadableInput, "is named twice, but can be read only once", subject: "standard input")
    }
    return try paths.flatMap { path in
      path == "-"
        ? [CorpusInput(.standardInput, format: standardInput)] : try find(path: path)
    }
  }

  /// How errors and summaries call it.
  public var name: String {
    switch location {
    case .file(let url): url.path
    case .standardInput: "standard input"
    }
  }

  /// Bytes of the file as it stands on disk; nil where that is not known beforehand.
  public var fileByteCount: Int? {
    guard case .file(let url) = location else { return nil }
    var information = stat()
    guard stat(url.path, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      return nil
    }
    return Int(information.st_size)
  }

  /// Opens it; gzip is known by the file's name or by its first bytes.
  package func open(idle: @escaping () throws -> Void = {}) throws -> any ByteSource {
    switch location {
    case .file(let url):
      let source = try FileByteSource(url, idle: idle)
      let isCompressed = try source.beginsWithGzipMagic()
      guard isCompressed || Self.compressedExtensions.contains(url.pathExtension.lowercased())
      else { return source }
      return try GzipByteSource(source, subject: name)
    case .standardInput:
      let source = FileByteSource(descriptor: STDIN_FILENO, subject: name, idle: idle)
      return try source.beginsWithGzipMagic() ? GzipByteSource(source, subject: name) : source
    }
  }

  private static let compressedExtensions: Set = ["gz", "dz"]

  private static func find(path: String) throws -> [CorpusInput] {
    var information = stat()
    guard stat(path, &information) == 0 else {
      throw TextError(
        .unreadableInput, "cannot be read: \(String(cString: strerror(errno)))", subject: path)
    }
    guard information.st_mode & S_IFMT == S_IFDIR else { return [file(path)] }
    let files = try filesOfFolder(path)
    guard !files.isEmpty else {
      throw TextError(
        .unreadableInput, "holds no .txt or .jsonl file (or .gz, .dz of one)", subject: path)
    }
    return files
  }

  private static func file(_ path: String) -> CorpusInput {
    CorpusInput(
      .file(URL(fileURLWithPath: path)),
      format: textExtension(of: path) == "jsonl" ? .jsonLines : .text)
  }

  /// The extension once that of compression is off.
  private static func textExtension(of path: String) -> String {
    var path = path as NSString
    if compressedExtensions.contains(path.pathExtension.lowercased()) {
      path = path.deletingPathExtension as NSString
    }
    return path.pathExtension.lowercased()
  }

  private static func filesOfFolder(_ folder: String) throws -> [CorpusInput] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw TextError(.unreadableInput, "cannot be listed", subject: folder, cause: error)
    }
    let visible = names.filter { !$0.hasPrefix(".") }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    return try visible.flatMap { name -> [CorpusInput] in
      let path = (folder as NSString).appendingPathComponent(name)
      var information = stat()
      guard lstat(path, &information) == 0 else { return [] }
      if information.st_mode & S_IFMT == S_IFDIR { return try filesOfFolder(path) }
      let isFile = stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFREG
      return isFile && ["txt", "jsonl"].contains(textExtension(of: path)) ? [file(path)] : []
    }
  }
}
