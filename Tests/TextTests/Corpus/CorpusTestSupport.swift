// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

/// Ids 0 … 255 are bytes, 256 ends a text.
struct PlainByteTokenizer: Tokenizer {
  var vocabularySize: Int { 257 }
  var endOfText: Int32? { 256 }
  func encode(_ utf8: UnsafeRawBufferPointer, allowsSpecialTokens: Bool) -> [Int32] {
    utf8.map { Int32($0) }
  }
  func decode(_ ids: some Sequence<Int32>) -> [UInt8] { ids.compactMap { UInt8(exactly: $0) } }
  func tokenizerJSON() throws -> Data { Data(#"{"kind":"bytes"}"#.utf8) }
  var fingerprint: String {
    Data(#"{"kind":"bytes"}"#.utf8).withUnsafeBytes { CorpusManifest.checksum($0) }
  }
}

/// Words by a pattern; the id of a word is a hash of its bytes.
///
/// Whatever changes how text falls
/// into words changes ids.
struct PatternTokenizer: Tokenizer {
  enum Pattern: String, CaseIterable {
    case gpt2 = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    case llama3 =
      #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    /// A mark before the text and for each space, words that begin at such marks.
    case sentencePiece = "▁*[^▁\n]*|\n"
  }
  var pattern: Pattern
  var vocabularySize: Int { 100_001 }
  var endOfText: Int32? { 100_000 }

  func encode(_ utf8: UnsafeRawBufferPointer, allowsSpecialTokens: Bool) -> [Int32] {
    var text = String(decoding: utf8, as: UTF8.self)
    if pattern == .sentencePiece {
      text = "▁" + text.replacingOccurrences(of: " ", with: "▁")
    }
    guard let expression = try? NSRegularExpression(pattern: pattern.rawValue) else { return [] }
    let whole = text as NSString
    return expression.matches(in: text, range: NSRange(location: 0, length: whole.length))
      .filter { $0.range.length > 0 }
      .map { match in
        var hash: UInt64 = 0
        for byte in whole.substring(with: match.range).utf8 {
          hash = SeededHash.value(seed: hash, index: UInt64(byte))
        }
        return Int32(hash % 100_000)
      }
  }
  func decode(_ ids: some Sequence<Int32>) -> [UInt8] { [] }
  func tokenizerJSON() throws -> Data { Data("{}".utf8) }
  var fingerprint: String { Data("{}".utf8).withUnsafeBytes { CorpusManifest.checksum($0) } }
}

/// A folder that is deleted at the end of its test.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "corpus-tests-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  private var strange: [[CChar]] = []

  deinit {
    for path in strange { unlink(path) }
    try? FileManager.default.removeItem(at: url)
  }

  /// Makes an empty file whose name may be any bytes.
  func touch(_ name: [UInt8]) throws {
    let path = (Array(url.path.utf8) + [UInt8(ascii: "/")] + name + [0])
      .map { CChar(bitPattern: $0) }
    let descriptor = open(path, O_CREAT | O_WRONLY, 0o600)
    guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    close(descriptor)
    strange.append(path)
  }

  /// Writes a file, and folders above it, and gives its path.
  @discardableResult func write(_ name: String, _ contents: Data) throws -> String {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try contents.write(to: file)
    return file.path
  }

  @discardableResult func write(_ name: String, _ text: String) throws -> String {
    try write(name, Data(text.utf8))
  }

  func contents() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
  }
}

/// Prepares paths and opens the result.
func prepared(
  _ paths: [String], in folder: TemporaryFolder, name: String = "tokens",
  tokenizer: some Tokenizer = PlainByteTokenizer(),
  _ change: (inout CorpusPreparation.Configuration) throws -> Void = { _ in }
) throws -> TokenDataset {
  var configuration = CorpusPreparation.Configuration(inputs: try CorpusInput.find(paths))
  configuration.threadCount = 2
  try change(&configuration)
  let url = folder.url.appendingPathComponent(name)
  _ = try CorpusPreparation(configuration).run(tokenizer: tokenizer, to: url)
  return try TokenDataset.open(url, verify: true)
}

extension TokenSource {
  /// All tokens of the row.
  func allTokens() throws -> [Int32] {
    var tokens = [Int32](repeating: 0, count: tokenCount)
    try tokens.withUnsafeMutableBufferPointer { try read(at: 0, into: $0) }
    return tokens
  }
}

/// The error's code where a body throws a `TextError`.
func textError(_ body: () throws -> Void) -> TextError? {
  do {
    try body()
    return nil
  } catch {
    return error as? TextError
  }
}

/// Text of every kind: prose, blank lines, runs of spaces, CRLF, numbers, marks, other scripts.
func variedText(byteCount: Int, seed: UInt64) -> String {
  let parts = [
    "the", "Tree", " ", " ", " ", " ", "  ", "\n", "\n", "\n\n", "\r\n", "\t", ".", ",", "'s",
    "…", "42", "1234567", "übung", "пример", "文字", "。", "e\u{301}", "👩‍👩‍👧", "\u{a0}",
    "\u{2028}", "naïve", "don't", "(a)", "$x_1$", "\u{1c}", "a b", "end.\nNew", "more words",
  ]
  var text = ""
  var state = seed
  while text.utf8.count < byteCount {
    state = SeededHash.mix(state &+ 0x9e37_79b9_7f4a_7c15)
    text += parts[Int(state % UInt64(parts.count))]
  }
  return text
}
