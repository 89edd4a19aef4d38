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

  /// The file of a path; its name's ending tells the format.
  init(path: String) {
    let isLines = ["jsonl", "ndjson"].contains(Self.textExtension(of: path))
    self.init(.file(URL(fileURLWithPath: path)), format: isLines ? .jsonLines : .text)
  }

  /// The inputs that paths name, in order: files, folders, and `-` for standard input.
  ///
  /// As ``CorpusSearch`` finds them.
  ///
  /// - Throws: ``TextError`` of code `unreadableInput` for a path without a file, a folder without
  ///   text, or standard input named twice.
  public static func find(_ paths: [String], standardInput: Format = .text) throws
    -> [CorpusInput]
  {
    try CorpusSearch(paths, standardInput: standardInput).inputs
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
    guard stat(url.path, &information) == 0, FileKind(information) == .regular else { return nil }
    return Int(information.st_size)
  }

  /// Whether the text can be read again, as from a file and not from a pipe.
  public var canBeReadAgain: Bool { fileByteCount != nil }

  /// Opens it, after the byte-order mark where there is one; gzip is known by the file's name or by
  /// its first bytes.
  ///
  /// - Throws: ``TextError`` of code `unreadableInput`, also where the first bytes tell that it is no
  ///   text.
  package func open(idle: @escaping () throws -> Void = {}) throws -> any ByteSource {
    let source: LookaheadSource
    var isNamedGzip = false
    switch location {
    case .file(let url):
      source = LookaheadSource(try FileByteSource(url, idle: idle))
      isNamedGzip = Self.compressedExtensions.contains(url.pathExtension.lowercased())
    case .standardInput:
      source = LookaheadSource(
        FileByteSource(descriptor: STDIN_FILENO, subject: name, idle: idle))
    }
    guard try isNamedGzip || source.peek(2) == [0x1f, 0x8b] else { return try textSource(source) }
    return try textSource(LookaheadSource(GzipByteSource(source, subject: name)))
  }

  private static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]

  private func textSource(_ source: LookaheadSource) throws -> any ByteSource {
    let head = try source.peek(FileSignature.byteCount)
    if let signature = FileSignature.of(head) {
      let remedy = signature.remedy.replacingOccurrences(of: "%", with: name)
      throw TextError(
        .unreadableInput, "is not text in UTF-8: it is \(signature.name); \(remedy)", subject: name)
    }
    if head.starts(with: Self.byteOrderMark) {
      var mark = Self.byteOrderMark
      _ = try mark.withUnsafeMutableBytes { try source.read(into: $0) }
    }
    return source
  }

  static let compressedExtensions: Set = ["gz", "dz"]

  /// The extension once that of compression is off.
  static func textExtension(of path: String) -> String {
    var path = path as NSString
    if compressedExtensions.contains(path.pathExtension.lowercased()) {
      path = path.deletingPathExtension as NSString
    }
    return path.pathExtension.lowercased()
  }
}
