// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite struct CorpusSearchTests {
  private func names(_ search: CorpusSearch, in folder: TemporaryFolder) -> [String] {
    search.inputs.map { String($0.name.dropFirst(folder.url.path.count + 1)) }
  }

  private func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (name, size) in [
      ("a.txt", 10), ("b.jsonl", 20), ("c.ndjson", 5), ("src/x.py", 300), ("src/y.py", 200),
      ("src/deep/z.py", 7), ("notes.md", 40), ("archive.tar.gz", 50), ("README", 3), (".hidden", 8),
      (".git/config", 99),
    ] { try folder.write(name, String(repeating: "x", count: size)) }
    return folder
  }

  @Test func tellsWhatItReadAndPassedOver() throws {
    let folder = try folder()
    let search = try CorpusSearch([folder.url.path])
    #expect(names(search, in: folder) == ["a.txt", "b.jsonl", "c.ndjson"])
    #expect(search.inputs.map(\.format) == [.text, .jsonLines, .jsonLines])
    #expect(search.read.map(\.kind) == [".jsonl", ".txt", ".ndjson"])
    let skipped: [CorpusSearch.Group] = [
      CorpusSearch.Group(kind: ".py", fileCount: 3, byteCount: 507),
      CorpusSearch.Group(kind: ".tar.gz", fileCount: 1, byteCount: 50),
      CorpusSearch.Group(kind: ".md", fileCount: 1, byteCount: 40),
      CorpusSearch.Group(kind: "hidden", fileCount: 2, byteCount: 8),
      CorpusSearch.Group(kind: "no ending", fileCount: 1, byteCount: 3),
    ]
    #expect(search.skipped == skipped)
    #expect(search.remarks.count == 2)
    #expect(search.remarks[1].contains("3 .py (507 B), 1 .tar.gz (50 B)"))
    #expect(search.remarks[1].contains("--include"))
  }

  @Test(arguments: [
    (["*.py"], ["src/deep/z.py", "src/x.py", "src/y.py"]),
    (["src/*.py"], ["src/deep/z.py", "src/x.py", "src/y.py"]),
    (["x.*", "*.md"], ["notes.md", "src/x.py"]), (["[R]EAD??"], ["README"]),
    (["*.jsonl"], ["b.jsonl"]),
    (["src/?.py"], ["src/x.py", "src/y.py"]),
  ]) func takesWhatPatternsName(patterns: [String], expected: [String]) throws {
    let folder = try folder()
    let search = try CorpusSearch([folder.url.path], including: patterns)
    #expect(names(search, in: folder) == expected)
  }

  @Test func patternsDoNotTouchFilesThatAreNamed() throws {
    let folder = try folder()
    let path = folder.url.appendingPathComponent("notes.md").path
    let search = try CorpusSearch([path], including: ["*.py"])
    #expect(search.inputs.count == 1 && search.remarks.isEmpty)
  }

  @Test func saysWhatAFolderHoldsThatGivesNothing() throws {
    let folder = try folder()
    let source = folder.url.appendingPathComponent("src").path
    let error = textError { _ = try CorpusSearch([source]) }
    #expect(error?.subject == source)
    #expect(error?.message.contains("3 .py (507 B)") == true)
    #expect(error?.message.contains("--include '*.py'") == true)
    let none = textError { _ = try CorpusSearch([source], including: ["*.c"]) }
    #expect(none?.message.contains("no file that matches “*.c”") == true)
  }

  #if os(Linux)
    @Test func namesWhatNoTextNames() throws {
      let folder = try TemporaryFolder()
      try folder.write("in/a.txt", "x")
      try folder.touch([UInt8]("in/caf".utf8) + [0xE9] + [UInt8](".txt".utf8))
      let search = try CorpusSearch([folder.url.appendingPathComponent("in").path])
      #expect(search.inputs.count == 1)
      #expect(search.strangelyNamed.map { $0.hasSuffix("in/caf\\xE9.txt") } == [true])
      #expect(search.skipped.isEmpty)
      #expect(search.remarks.last?.contains("in/caf\\xE9.txt”. Rename what is text") == true)
      // A folder with nothing else says so, too.
      try FileManager.default.removeItem(at: folder.url.appendingPathComponent("in/a.txt"))
      let none = textError { _ = try CorpusSearch([folder.url.appendingPathComponent("in").path]) }
      #expect(none?.message.contains("caf\\xE9.txt") == true, "\(String(describing: none))")
    }
  #endif

  @Test func passesOverWhatIsNoFile() throws {
    let folder = try TemporaryFolder()
    try folder.write("in/a.txt", "x")
    func url(_ name: String) -> URL { folder.url.appendingPathComponent(name) }
    let manager = FileManager.default
    try manager.createSymbolicLink(at: url("in/dead.txt"), withDestinationURL: url("gone"))
    try manager.createSymbolicLink(at: url("in/loop.txt"), withDestinationURL: url("in/loop.txt"))
    try manager.createSymbolicLink(at: url("in/up"), withDestinationURL: folder.url)
    #expect(mkfifo(url("in/pipe.txt").path, 0o600) == 0)
    let search = try CorpusSearch([url("in").path])
    #expect(search.inputs.count == 1)
    #expect(
      Set(search.skipped.map(\.kind)) == [
        "links that lead nowhere", "links to folders", "pipes, sockets and devices",
      ])
    // Named themselves, they are errors that say what they are.
    for (name, message) in [("dead.txt", "leads nowhere"), ("loop.txt", "in a circle")] {
      let error = textError { _ = try CorpusSearch([url("in/\(name)").path]) }
      #expect(error?.message.contains(message) == true, "\(String(describing: error))")
    }
    #expect(textError { _ = try CorpusSearch(["/dev/null"]) }?.message.contains("a device") == true)
  }

  @Test("what is validated on is left out of the training text, whatever its path")
  func leavesValidationOut() throws {
    let folder = try folder()
    func url(_ name: String) -> URL { folder.url.appendingPathComponent(name) }
    try FileManager.default.createSymbolicLink(at: url("other"), withDestinationURL: url("a.txt"))
    let all = try CorpusSearch([folder.url.path]).inputs
    let validation = try CorpusSearch([url("other").path]).inputs
    let (kept, remark) = try CorpusInput.leaving(all, without: validation)
    #expect(kept.map { URL(filePath: $0.name).lastPathComponent } == ["b.jsonl", "c.ndjson"])
    #expect(remark?.hasPrefix("1 file is left out of the training text") == true)
    let others = try CorpusInput.leaving(kept, without: validation)
    #expect(others.inputs == kept && others.remark == nil)
    let error = #expect(throws: TextError.self) {
      try CorpusInput.leaving(try CorpusSearch([url("a.txt").path]).inputs, without: validation)
    }
    #expect(error?.message.contains("no other is left to train on") == true)
  }
}
