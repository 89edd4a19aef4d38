// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import SeededRandom
import Tensors
import Testing

/// Files changed at random must load or throw; a crash ends the whole test run.
@Suite("Hostile files") struct SafetensorsFuzzTests {
  /// Cuts, grows, overwrites, swaps and splices in what headers are made of.
  static func mutate(_ data: Data, _ random: inout SplitMix64) -> Data {
    var bytes = [UInt8](data)
    let fragments = [
      "9223372036854775807", "18446744073709551616", "-1", "0", "[", "]", "{", "}", "\"", "\\u",
      "\\ud800", ",", ":", "null", "1e9", "\"shape\":[4294967296,4294967296]", "__metadata__",
      "F64", "BOOL", "\u{0}", " ",
    ]
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      guard !bytes.isEmpty else { break }
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<7, using: &random) {
      case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
      case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: bytes.removeSubrange(place..<min(bytes.count, place + 3))
      case 3: bytes.removeLast(Int.random(in: 0...min(bytes.count, 40), using: &random))
      case 4:
        bytes.insert(
          contentsOf: fragments.randomElement(using: &random)?.utf8 ?? "".utf8, at: place)
      case 5: bytes[Int.random(in: 0..<min(8, bytes.count), using: &random)] = UInt8(place & 0xFF)
      default: bytes.swapAt(place, Int.random(in: 0..<bytes.count, using: &random))
      }
      // Half of the time the length is put right, so that deeper checks are reached.
      if Bool.random(using: &random), let end = bytes.lastIndex(of: UInt8(ascii: "}")), end >= 8 {
        withUnsafeBytes(of: UInt64(end - 7).littleEndian) { bytes.replaceSubrange(0..<8, with: $0) }
      }
    }
    return Data(bytes)
  }

  @Test("five thousand mutated headers", arguments: ["every_type", "odd_names", "nothing"])
  func headers(name: String) throws {
    let original = try Data(contentsOf: golden("\(name).safetensors"))
    var random = SplitMix64(seed: 2024)
    var loaded = 0
    for _ in 0..<5000 {
      let data = Self.mutate(original, &random)
      do {
        let header = try header(data)
        // What was accepted must be consistent.
        #expect(header.fileByteCount == data.count)
        #expect(header.entries.allSatisfy { $0.dataOffsets.upperBound <= header.dataByteCount })
        loaded += 1
      } catch let error as CheckpointsError {
        #expect(error.code == .invalidHeader)
      }
    }
    #expect(loaded > 0 && loaded < 5000)
  }

  @Test("a thousand mutated files, mapped and every tensor read")
  func files() throws {
    try withDirectory { directory throws in
      let url = directory.appending(path: "x.safetensors")
      let original = try Data(contentsOf: golden("every_type.safetensors"))
      var random = SplitMix64(seed: 7)
      for _ in 0..<1000 {
        try Self.mutate(original, &random).write(to: url)
        guard let file = try? SafetensorsFile(url) else { continue }
        for name in file.names {
          _ = try? file.float32(named: name)
          try file.withBytes(of: name) { bytes in _ = bytes.reduce(0) { $0 ^ $1 } }
        }
      }
    }
  }

  @Test("two thousand mutated indices and manifests")
  func tables() throws {
    try withDirectory { directory throws in
      let index = directory.appending(path: ShardIndex.fileName(baseName: "model"))
      let manifest = directory.appending(path: Manifest.fileName)
      let table = ShardIndex(fileOfTensor: ["a": "x", "b": "y"], totalByteCount: 5)
      try Manifest(files: ["a": FileDigest(of: Data())]).write(to: directory)
      let manifestText = try Data(contentsOf: manifest)
      var random = SplitMix64(seed: 99)
      for _ in 0..<1000 {
        try Self.mutate(Data(table.json.utf8), &random).write(to: index)
        _ = try? ShardedTensors(index: index)
        try Self.mutate(manifestText, &random).write(to: manifest)
        _ = CheckpointDirectory.problems(in: directory)
      }
    }
  }
}
