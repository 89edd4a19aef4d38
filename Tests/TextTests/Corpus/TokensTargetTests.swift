// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite struct TokensTargetTests {
  private func overwrite(_ name: String, in folder: TemporaryFolder) throws {
    _ = try prepared([try folder.write("a.txt", "text")], in: folder, name: name) {
      $0.overwrites = true
    }
  }

  @Test(arguments: ["notes.md", "sub/notes.md", ".hidden", "train-99999.bin", "tokenizer.json.bak"])
  func keepsFilesThatAreNotTheTokens(name: String) throws {
    let folder = try TemporaryFolder()
    try overwrite("tokens", in: folder)
    try folder.write("tokens/\(name)", "mine")
    let error = textError { try overwrite("tokens", in: folder) }
    #expect(error?.code == .invalidShard)
    let shown = try #require(name.split(separator: "/").first)
    #expect(error?.message.contains("“\(shown)”") == true, "\(String(describing: error))")
    let kept = folder.url.appendingPathComponent("tokens/\(name)")
    #expect(try Data(contentsOf: kept) == Data("mine".utf8))
    // What was there is whole.
    _ = try TokenDataset.open(folder.url.appendingPathComponent("tokens"), verify: true)
  }

  #if os(Linux)
    /// A name that is not UTF-8 is somebody's file as well.
    @Test func keepsFilesWhoseNamesAreNoText() throws {
      let folder = try TemporaryFolder()
      try overwrite("tokens", in: folder)
      try FileManager.default.createDirectory(
        at: folder.url.appendingPathComponent("mine"), withIntermediateDirectories: true)
      for name in ["tokens", "mine"] {
        try folder.touch([UInt8]("\(name)/caf".utf8) + [0xE9])
        let error = textError { try overwrite(name, in: folder) }
        #expect(error?.code == .invalidShard, "\(name)")
        #expect(name == "mine" || error?.message.contains("“caf\\xE9”") == true)
      }
    }
  #endif

  /// As any program writes through a link to a file.
  @Test func replacesWhatALinkLeadsTo() throws {
    let folder = try TemporaryFolder()
    try overwrite("far", in: folder)
    let link = folder.url.appendingPathComponent("link")
    try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: "far")
    _ = try prepared([try folder.write("a.txt", "another text")], in: folder, name: "link") {
      $0.overwrites = true
    }
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link.path) == "far")
    let tokens = try TokenDataset.open(folder.url.appendingPathComponent("far"), verify: true)
    #expect(tokens.manifest.textByteCount == 12)
    #expect(try folder.contents() == ["a.txt", "far", "link"])
  }

  @Test(arguments: ["{}", "not JSON", "{\"format_version\": 1, \"files\": {}}"])
  func keepsADirectoryWhoseManifestIsAnother(manifest: String) throws {
    let folder = try TemporaryFolder()
    try folder.write("mine/manifest.json", manifest)
    let error = textError { try overwrite("mine", in: folder) }
    #expect(error?.code == .invalidShard && error?.message.contains("manifest.json") == true)
    #expect(try folder.contents() == ["a.txt", "mine"])
  }

  @Test func replacesTokensWithMissingOrChangedFiles() throws {
    let folder = try TemporaryFolder()
    try overwrite("tokens", in: folder)
    try FileManager.default.removeItem(
      at: folder.url.appendingPathComponent("tokens/train-00000.bin"))
    try folder.write("tokens/tokenizer.json", "changed")
    try overwrite("tokens", in: folder)
    _ = try TokenDataset.open(folder.url.appendingPathComponent("tokens"), verify: true)
    #expect(try folder.contents() == ["a.txt", "tokens"])
  }

  /// A killed preparation's directory has no lock; one that is being written has.
  @Test func removesWhatAKilledPreparationLeft() throws {
    let folder = try TemporaryFolder()
    try folder.write(".tmp-0123456789abcdef-tokens/train-00000.bin", "half")
    try folder.write(".tmp-fedcba9876543210-tokens/train-00000.bin", "half")
    let live = folder.url.appendingPathComponent(".tmp-fedcba9876543210-tokens")
    let lock = open(live.path, O_RDONLY)
    defer { close(lock) }
    #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
    try overwrite("other", in: folder)
    #expect(try folder.contents() == [".tmp-fedcba9876543210-tokens", "a.txt", "other"])
  }
}
