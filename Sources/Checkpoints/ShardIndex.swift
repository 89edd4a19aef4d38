// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON

/// The table of a model in several files, `model.safetensors.index.json`.
public struct ShardIndex: Sendable, Hashable {
  /// The file that holds each tensor.
  public var fileOfTensor: [String: String]
  /// Bytes of all tensors; nil where the index does not say.
  public var totalByteCount: Int?

  /// Makes an index.
  public init(fileOfTensor: [String: String], totalByteCount: Int?) {
    self.fileOfTensor = fileOfTensor
    self.totalByteCount = totalByteCount
  }

  /// `model.safetensors.index.json` for the base name `model`.
  public static func fileName(baseName: String) -> String { "\(baseName).safetensors.index.json" }

  /// `model-00002-of-00005.safetensors` for the second of five shards; `model.safetensors` for the
  /// only one.
  public static func shardName(baseName: String, number: Int, of count: Int) -> String {
    func padded(_ number: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
    if count == 1 { return "\(baseName).safetensors" }
    return "\(baseName)-\(padded(number))-of-\(padded(count)).safetensors"
  }

  /// The shards' file names, sorted.
  public var files: [String] { Set(fileOfTensor.values).sorted() }

  /// Reads an index file.
  ///
  /// - Throws: ``CheckpointsError`` of code `unreadableFile` or `invalidIndex`; a shard outside the
  ///   index's own directory is refused.
  public init(reading url: URL) throws {
    struct Contents: Decodable {
      struct Metadata: Decodable {
        var totalByteCount: Double?
        enum CodingKeys: String, CodingKey { case totalByteCount = "total_size" }
      }
      var metadata: Metadata?
      var fileOfTensor: [String: String]
      enum CodingKeys: String, CodingKey {
        case metadata
        case fileOfTensor = "weight_map"
      }
    }
    let contents = try decodeJSON(Contents.self, from: url, failure: .invalidIndex)
    for file in contents.fileOfTensor.values where !isPlainFileName(file) {
      throw CheckpointsError(
        .invalidIndex, "names the shard “\(file)”, which is not a file beside it",
        subject: url.path)
    }
    fileOfTensor = contents.fileOfTensor
    totalByteCount = contents.metadata?.totalByteCount.flatMap { Int(exactly: $0) }
  }

  /// The JSON text, as Hugging Face's tools write it: sorted keys, two spaces.
  public var json: String {
    let map = JSONObject(fileOfTensor.map { .init(key: $0.key, value: .string($0.value)) })
    let index: JSONValue = [
      "metadata": totalByteCount.map { ["total_size": JSONValue($0)] } ?? [:],
      "weight_map": .object(map.sorted()),
    ]
    return String(decoding: index.encoded(.indented), as: UTF8.self) + "\n"
  }
}
