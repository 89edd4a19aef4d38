// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Testing
import Text

/// The files that `Scripts/reference/tokenizer_goldens.py` made.
enum TokenizerGoldens {
  static let families = [
    "gpt2", "gpt2-prefix-space", "llama3", "qwen2", "nfkd", "smollm", "digit-runs", "llama2",
    "mistral", "metaspace-split", "unknown-fused", "unknown-apart", "unknown-dropped",
  ]

  /// What the reference gave with one tokenizer.
  struct Family: Decodable {
    var vocabularySize: Int
    /// Ids that the template puts around an empty text.
    var template: [Int32]
    /// SHA-256 of the ids of long words.
    var long: [String: String]
    /// Ids of each text.
    var special: [[Int32]]
    /// Ids without special tokens, by text, where they differ.
    var plain: [String: [Int32]]
    /// Decoded ids, by text, where they differ from the text.
    var decoded: [String: String]
  }

  static func url(_ name: String) throws -> URL {
    let folder = try #require(Bundle.module.resourceURL)
    return folder.appendingPathComponent("Goldens/tokenizers").appendingPathComponent(name)
  }

  static func decode<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: url(name)))
  }

  /// The texts, some of which are not UTF-8.
  static func texts() throws -> [Data] {
    try decode("texts.json", as: [String].self).map { try #require(Data(base64Encoded: $0)) }
  }

  static func family(_ name: String) throws -> (tokenizer: BPETokenizer, golden: Family) {
    let tokenizer = try TokenizerLoader.load(from: url("\(name).tokenizer.json"))
    return (
      try #require(tokenizer as? BPETokenizer),
      try decode("\(name).golden.json", as: Family.self)
    )
  }

  /// SHA-256 of ids as little-endian 32-bit integers.
  static func digest(_ ids: [Int32]) -> String {
    var data = Data()
    for id in ids { withUnsafeBytes(of: id.littleEndian) { data.append(contentsOf: $0) } }
    return FileDigest(of: data).sha256
  }

  /// Words of 10⁵ characters, as the script makes them.
  static func longWords() -> [String: [UInt8]] {
    let cycle = (0..<100_000).map { UInt8(97 + $0 * $0 % 26) }
    let mixed = (0..<100_000).flatMap { index -> [UInt8] in
      let value = 0x4E00 + index * 7 % 500
      return [0xE0 | UInt8(value >> 12), 0x80 | UInt8(value >> 6 & 63), 0x80 | UInt8(value & 63)]
    }
    return [
      "a": Array(repeating: 97, count: 100_000), "cycle": cycle, "mixed": mixed,
      "marks": Array(repeatElement([33, 63], count: 50_000).joined()),
    ]
  }
}

extension Tokenizer {
  /// The ids of bytes that may not be UTF-8.
  func encode(bytes: some ContiguousBytes, allowsSpecialTokens: Bool = false) -> [Int32] {
    bytes.withUnsafeBytes { encode($0, allowsSpecialTokens: allowsSpecialTokens) }
  }
}
