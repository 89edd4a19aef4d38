// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite struct TokenDatasetTests {
  private func dataset(
    in folder: TemporaryFolder, text: String = variedText(byteCount: 3000, seed: 9)
  ) throws -> TokenDataset {
    try prepared([try folder.write("a.txt", text)], in: folder) {
      $0.tokensPerShard = 250
      $0.validation = .fraction(0.25)
    }
  }

  private func change(_ url: URL, _ body: (inout Data) -> Void) throws {
    var data = try Data(contentsOf: url)
    body(&data)
    try data.write(to: url)
  }

  @Test func readsAcrossShards() throws {
    let folder = try TemporaryFolder()
    let train = try dataset(in: folder).train
    let all = try train.allTokens()
    #expect(all.count == train.tokenCount && all.count > 2000)
    for (offset, count) in [(0, 1), (249, 2), (100, 900), (500, 250), (all.count - 3, 3), (7, 0)] {
      var part = [Int32](repeating: -5, count: count)
      try part.withUnsafeMutableBufferPointer { try train.read(at: offset, into: $0) }
      #expect(part == Array(all[offset..<offset + count]))
    }
  }

  @Test func shardsAreFlatLittleEndianTokens() throws {
    let folder = try TemporaryFolder()
    let dataset = try dataset(in: folder, text: "AB")
    let train = dataset.url.appendingPathComponent("train-00000.bin")
    #expect(try Data(contentsOf: train) == Data([0x41, 0, 0x42, 0]))
    let held = dataset.url.appendingPathComponent("validation-00000.bin")
    #expect(try Data(contentsOf: held) == Data([0, 1]))
  }

  @Test func findsShortenedAndMissingShards() throws {
    let folder = try TemporaryFolder()
    let url = try dataset(in: folder).url
    let shard = url.appendingPathComponent("train-00002.bin")
    let whole = try Data(contentsOf: shard)
    for contents in [whole.dropLast(), whole + [0, 0], Data()] {
      try contents.write(to: shard)
      let error = textError { _ = try TokenDataset.open(url) }
      #expect(error?.code == .damagedShard && error?.subject == shard.path)
    }
    try FileManager.default.removeItem(at: shard)
    let error = textError { _ = try TokenDataset.open(url) }
    #expect(error?.code == .damagedShard && error?.subject == shard.path)
  }

  @Test func findsChangedTokens() throws {
    let folder = try TemporaryFolder()
    let url = try dataset(in: folder).url
    let shard = url.appendingPathComponent("train-00002.bin")
    try change(shard) { $0[40] ^= 1 }
    let opened = try TokenDataset.open(url)
    let error = textError { _ = try TokenDataset.open(url, verify: true) }
    #expect(error?.code == .damagedShard && error?.subject == shard.path)
    let summary = opened.summary(verify: true)
    #expect(summary.splits.map(\.checksums) == [.damaged, .intact])
    #expect(summary.faults.count == 1 && summary.faults[0].contains("train-00002.bin"))
    #expect(opened.summary().splits.map(\.checksums) == [.unchecked, .unchecked])
  }

  @Test func findsTokensOutsideTheVocabularyAsTheyAreRead() throws {
    let folder = try TemporaryFolder()
    let url = try dataset(in: folder).url
    try change(url.appendingPathComponent("train-00001.bin")) {
      $0[2 * 17] = 0x01
      $0[2 * 17 + 1] = 0x01
    }
    var stream = try BatchStream(
      TokenDataset.open(url).train, contextLength: 100, order: .sequential, seed: 0)
    _ = try stream.next(sequenceCount: 2, sequenceLength: 100)
    let before = stream.cursor
    let error = textError { _ = try stream.next(sequenceCount: 3, sequenceLength: 100) }
    #expect(error?.code == .damagedShard)
    #expect(error?.subject.hasSuffix("train-00001.bin") == true)
    #expect(error?.message.contains("token 257 at position 17 ") == true, "\(error!)")
    #expect(stream.cursor == before)
  }

  @Test func knowsItsTokenizer() throws {
    let folder = try TemporaryFolder()
    let dataset = try dataset(in: folder)
    #expect(dataset.manifest.tokenizerFingerprint == PlainByteTokenizer().fingerprint)
    try change(dataset.tokenizerURL) { $0.append(0x20) }
    let error = textError { _ = try TokenDataset.open(dataset.url) }
    #expect(error?.code == .damagedShard && error?.subject == dataset.tokenizerURL.path)
  }

  @Test func readsItsOwnManifest() throws {
    let folder = try TemporaryFolder()
    let manifest = try dataset(in: folder).manifest
    #expect(try CorpusManifest(decoding: manifest.encoded(), subject: "m") == manifest)
  }

  @Test(arguments: [
    ("\"formatVersion\" : 1", "\"formatVersion\" : 2", "format version 2"),
    ("\"vocabularySize\" : 257", "\"vocabularySize\" : 70000", "does not fit"),
    ("\"vocabularySize\" : 257", "\"vocabularySize\" : 200", "outside the vocabulary"),
    ("\"train-00000.bin\"", "\"../train-00000.bin\"", "plain name"),
    ("\"tokenCount\" : 250", "\"tokenCount\" : 9223372036854775807", "cannot hold"),
    ("\"tokenCount\" : 250", "\"tokenCount\" : -250", "cannot hold"),
    ("\"tokenCount\" : 250", "\"tokenCount\" : 249", "its shards"),
    ("\"train\" :", "\"training\" :", "names no split"),
    ("{", "", "is not a manifest"),
    ("\"uint16\"", "\"uint8\"", "is not a manifest"),
  ]) func refusesManifestsThatContradictThemselves(
    part: String, replacement: String, message: String
  ) throws {
    let folder = try TemporaryFolder()
    let url = try dataset(in: folder).url
    let manifest = url.appendingPathComponent(CorpusManifest.fileName)
    let text = try String(contentsOf: manifest, encoding: .utf8)
    #expect(text.contains(part))
    try Data(text.replacingOccurrences(of: part, with: replacement).utf8).write(to: manifest)
    let error = textError { _ = try TokenDataset.open(url) }
    #expect(error?.code == .invalidManifest && error?.subject == manifest.path)
    #expect(error?.message.contains(message) == true, "\(String(describing: error))")
  }

  @Test func saysWhatADirectoryLacks() throws {
    let folder = try TemporaryFolder()
    let error = textError { _ = try TokenDataset.open(folder.url) }
    #expect(error?.code == .invalidManifest)
    #expect(error?.message.contains("espalier prepare") == true)
  }
}
