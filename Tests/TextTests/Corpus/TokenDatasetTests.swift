// SPDX-License-Identifier: Apache-2.0
import Checkpoints
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

  /// What may happen to a file of tokens, its size being kept.
  enum Damage: CaseIterable, Sendable {
    case flippedBit, zeroed, otherText, swapped

    func change(_ data: inout Data, other: Data) {
      switch self {
      case .flippedBit: data[40] ^= 1
      case .zeroed: data = Data(count: data.count)
      case .otherText: data = Data(data.map { $0 == 0 ? 0 : $0 ^ 1 })
      case .swapped: data = other
      }
    }
  }

  @Test(arguments: Damage.allCases, [1 << 30, 0])
  func noTokenOfADamagedShardCounts(damage: Damage, backgroundByteCount: Int) throws {
    let folder = try TemporaryFolder()
    let url = try dataset(in: folder).url
    let shard = url.appendingPathComponent("train-00002.bin")
    let other = try Data(contentsOf: url.appendingPathComponent("train-00001.bin"))
    try change(shard) { damage.change(&$0, other: other) }
    let train = try TokenDataset.open(url, backgroundByteCount: backgroundByteCount).train
    var tokens = [Int32](repeating: 0, count: 500)
    // Other shards are sound, and reading them does not read this one.
    try tokens.withUnsafeMutableBufferPointer { try train.read(at: 0, into: $0) }
    try train.verifyReads()
    let error = textError {
      try tokens.withUnsafeMutableBufferPointer { try train.read(at: 400, into: $0) }
      try train.verifyReads()
    }
    #expect(error?.code == .damagedShard && error?.subject == shard.path)
    #expect(error?.message.contains("other tokens") == true, "\(String(describing: error))")
    // It stays one.
    if backgroundByteCount == 0 { #expect(textError { try train.verifyReads() } != nil) }
  }

  @Test func aShardThatIsCutWhileItIsReadIsAnError() throws {
    let folder = try TemporaryFolder()
    let url = try dataset(in: folder).url
    let train = try TokenDataset.open(url).train
    #expect(try train.allTokens().count == train.tokenCount)
    let shard = url.appendingPathComponent("train-00001.bin")
    for size in [off_t(100), 0] {
      #expect(truncate(shard.path, size) == 0)
      let error = textError { _ = try train.allTokens() }
      #expect(error?.code == .damagedShard && error?.subject == shard.path)
      #expect(error?.message.contains("has \(size) bytes, not 500") == true)
    }
  }

  @Test func aShardThatIsOverwrittenWhileItIsReadIsFound() throws {
    let folder = try TemporaryFolder()
    let url = try dataset(in: folder).url
    let train = try TokenDataset.open(url).train
    _ = try train.allTokens()
    let shard = url.appendingPathComponent("train-00001.bin")
    let file = try FileHandle(forWritingTo: shard)
    try file.write(contentsOf: Data(count: 500))
    try file.close()
    #expect(textError { _ = try train.allTokens() }?.subject == shard.path)
  }

  @Test func manyShardsNeedFewOpenFiles() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a.txt", variedText(byteCount: 3000, seed: 9))
    let train = try prepared([path], in: folder) { $0.tokensPerShard = 10 }.train
    #expect(train.manifest.shards.count > 200)
    #expect(try train.allTokens() == train.allTokens())
    let open = try FileManager.default.contentsOfDirectory(atPath: "/dev/fd")
    #expect(open.count < 1000)
  }

  @Test func anIdentityTellsDataApart() throws {
    let folder = try TemporaryFolder()
    func identity(_ text: String, _ name: String, seed: UInt64 = 0) throws -> String {
      try prepared([try folder.write("\(name).txt", text)], in: folder, name: name) {
        $0.validation = .fraction(0.25)
        $0.seed = seed
      }.manifest.identity
    }
    let first = try identity("some text", "first")
    #expect(first.count == 64)
    #expect(try identity("some text", "second") == first)
    #expect(try identity("same size", "third") != first)
  }

  @Test func findsTokensOutsideTheVocabularyAsTheyAreRead() throws {
    let folder = try TemporaryFolder()
    let url = try dataset(in: folder).url
    let shard = url.appendingPathComponent("train-00001.bin")
    let checksum = try FileDigest(of: Data(contentsOf: shard)).sha256
    try change(shard) {
      $0[2 * 17] = 0x01
      $0[2 * 17 + 1] = 0x01
    }
    // As a writer would leave it that is itself wrong: the checksums fit the bytes.
    let wrong = try FileDigest(of: Data(contentsOf: shard)).sha256
    try change(url.appendingPathComponent(CorpusManifest.fileName)) {
      $0 = Data(
        String(decoding: $0, as: UTF8.self).replacingOccurrences(of: checksum, with: wrong)
          .replacing(/\n *"checksum" : "[0-9a-f]+",/, with: "").utf8)
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

  /// What contradicts nothing, too; a manifest of before there was a checksum is read as ever.
  @Test func findsWhatWasChangedInItsManifest() throws {
    let folder = try TemporaryFolder()
    let url = try dataset(in: folder).url
    let manifest = url.appendingPathComponent(CorpusManifest.fileName)
    let text = try String(contentsOf: manifest, encoding: .utf8)
    let changed = text.replacing("\"endOfText\" : 256", with: "\"endOfText\" : 255")
    #expect(changed != text)
    try Data(changed.utf8).write(to: manifest)
    let error = textError { _ = try TokenDataset.open(url) }
    #expect(error?.code == .invalidManifest && error?.subject == manifest.path)
    #expect(error?.message.contains("its checksum is not that of its text") == true)
    let older = text.replacing(/\n *"checksum" : "[0-9a-f]+",/, with: "")
    #expect(older != text)
    try Data(older.utf8).write(to: manifest)
    _ = try TokenDataset.open(url)
  }

  @Test(arguments: [
    ("\"formatVersion\" : 1", "\"formatVersion\" : 2", "format version 2"),
    ("\"vocabularySize\" : 257", "\"vocabularySize\" : 70000", "does not fit"),
    ("\"vocabularySize\" : 257", "\"vocabularySize\" : 200", "outside the vocabulary"),
    ("\"train-00000.bin\"", "\"../train-00000.bin\"", "plain name"),
    ("\"tokenCount\" : 250", "\"tokenCount\" : 9223372036854775807", "cannot hold"),
    ("\"tokenCount\" : 250", "\"tokenCount\" : -250", "cannot hold"),
    ("\"tokenCount\" : 250", "\"tokenCount\" : 249", "its shards"),
    ("\"textByteCount\" : ", "\"textByteCount\" : -", "textByteCount is -"),
    ("\"documentCount\" : ", "\"documentCount\" : -7", "documentCount"),
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
