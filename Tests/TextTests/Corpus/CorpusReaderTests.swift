// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite struct CorpusReaderTests {
  @Test func findsFilesInAStableOrder() throws {
    let folder = try TemporaryFolder()
    for name in [
      "b.txt", "a/z.txt", "a/B.jsonl.gz", "a/c.md", "a.txt.dz", ".hidden.txt", "a/.x/y.txt",
      "Z.txt",
      "notes", "a/ß.TXT",
    ] { try folder.write(name, "x") }
    let inputs = try CorpusInput.find([folder.url.path])
    let names = inputs.map { String($0.name.dropFirst(folder.url.path.count + 1)) }
    #expect(names == ["Z.txt", "a/B.jsonl.gz", "a/z.txt", "a/ß.TXT", "a.txt.dz", "b.txt"])
    #expect(inputs.map(\.format) == [.text, .jsonLines, .text, .text, .text, .text])
  }

  @Test func takesAnyFileThatIsNamed() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("dictionary.dict", "x")
    #expect(try CorpusInput.find([path, "-"]).map(\.format) == [.text, .text])
    #expect(try CorpusInput.find(["-"], standardInput: .jsonLines)[0].format == .jsonLines)
  }

  @Test func namesWhatItCannotFind() throws {
    let folder = try TemporaryFolder()
    let missing = textError { _ = try CorpusInput.find(["/no/such/file.txt"]) }
    #expect(missing?.code == .unreadableInput && missing?.subject == "/no/such/file.txt")
    let empty = textError { _ = try CorpusInput.find([folder.url.path]) }
    #expect(empty?.code == .unreadableInput && empty?.subject == folder.url.path)
    #expect(textError { _ = try CorpusInput.find(["-", "-"]) }?.code == .unreadableInput)
  }

  @Test func doesNotFollowLinksToFolders() throws {
    let folder = try TemporaryFolder()
    try folder.write("a/x.txt", "x")
    try FileManager.default.createSymbolicLink(
      at: folder.url.appendingPathComponent("a/loop"), withDestinationURL: folder.url)
    #expect(try CorpusInput.find([folder.url.path]).count == 1)
  }

  @Test func piecesAreTheWholeText() throws {
    let folder = try TemporaryFolder()
    let text = variedText(byteCount: 20_000, seed: 3) + String(repeating: "x", count: 5000)
    let path = try folder.write("text.txt", text)
    var limits = CorpusReader.Limits()
    limits.pieceByteCount = 128
    limits.windowByteCount = 1024
    let reader = CorpusReader(try CorpusInput.find([path]), limits: limits)
    var bytes: [UInt8] = []
    var contents: [CorpusPiece.Content] = []
    while let piece = try reader.next() {
      #expect(piece.bytes.count <= 1024)
      #expect(String(validating: piece.bytes, as: UTF8.self) != nil)
      bytes += piece.bytes
      contents.append(piece.content)
    }
    #expect(bytes == Array(text.utf8))
    #expect(contents.first == .text(isFirst: true, isLast: false))
    #expect(contents.last == .text(isFirst: false, isLast: true))
    #expect(
      contents.dropFirst().dropLast().allSatisfy { $0 == .text(isFirst: false, isLast: false) })
    #expect(reader.fileBytesRead == text.utf8.count)
  }

  @Test func numbersLinesAcrossPieces() throws {
    let folder = try TemporaryFolder()
    let lines = (1...200).map { #"{"text": "\#($0)"}"# }
    let path = try folder.write("lines.jsonl", lines.joined(separator: "\n"))
    var limits = CorpusReader.Limits()
    limits.pieceByteCount = 100
    let reader = CorpusReader(try CorpusInput.find([path]), limits: limits)
    var found: [String] = []
    while let piece = try reader.next() {
      guard case .lines(let first) = piece.content else { continue }
      try JSONLines.forEach(in: piece.bytes, firstLine: first) { number, text in
        #expect(try text.get().text == "\(number)")
        found.append(try text.get().text)
      }
    }
    #expect(found == (1...200).map { "\($0)" })
  }

  @Test func refusesALineWithoutEnd() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("lines.jsonl", "{}\n" + String(repeating: "x", count: 300))
    var limits = CorpusReader.Limits()
    limits.pieceByteCount = 16
    limits.lineByteCount = 64
    let reader = CorpusReader(try CorpusInput.find([path]), limits: limits)
    let error = textError { while try reader.next() != nil {} }
    #expect(error?.subject == "\(path):2")
  }

  @Test(arguments: [
    ("{\"text\": 3}", "not a string"), ("{\"text\": null}", "not a string"),
    ("[]", "not an object"),
    ("{\"body\": \"x\"}", "no \"text\""), ("{\"text\": \"x", "not JSON"), ("nonsense", "not JSON"),
  ]) func saysWhatIsWrongWithALine(line: String, fault: String) throws {
    let bytes = Array("\n \r\n{\"text\": \"good\"}\n\(line)\n".utf8)
    var results: [Int: Result<JSONLines.Document, JSONLines.Fault>] = [:]
    try JSONLines.forEach(in: bytes, firstLine: 1) { results[$0] = $1 }
    #expect(results.keys.sorted() == [3, 4])
    #expect(try results[3]?.get().text == "good")
    let error = #expect(throws: JSONLines.Fault.self) { _ = try results[4]?.get() }
    #expect(error?.message.contains(fault) == true, "\(String(describing: error))")
  }
}
