// SPDX-License-Identifier: Apache-2.0
import Documents
import Foundation
import OrderedJSON

/// The table of a model in several files, `model.safetensors.index.json`.
public struct ShardIndex: Sendable, Hashable {
  /// The file that holds each tensor, as a path from the index's own directory.
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

  /// The shards' files, in the order of their characters' numbers, as Python sorts.
  public var files: [String] {
    Set(fileOfTensor.values).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Reads an index file.
  ///
  /// - Throws: ``CheckpointsError`` of code `unreadableFile` or `invalidIndex`; a shard that lies
  ///   neither in the index's own directory nor below it is refused.
  public init(reading url: URL) throws {
    let index = try Self.value(in: url)
    func failure(_ message: String) -> CheckpointsError {
      CheckpointsError(.invalidIndex, message, subject: url.path)
    }
    guard case .object(let map) = index["weight_map"] else {
      throw failure("has no weight_map: an object that names the file of each tensor was expected")
    }
    fileOfTensor = Dictionary(minimumCapacity: map.members.count)
    for (tensor, value) in map.members.lazy.map({ ($0.key, $0.value) }) {
      guard let file = value.text else {
        throw failure("weight_map: the file of “\(tensor.prefix(200))” is no text")
      }
      guard let path = pathBelow(file) else {
        throw failure(
          "names the shard “\(file.prefix(200))”, which is not a file beside it or in a folder there"
        )
      }
      fileOfTensor[tensor] = path
    }
    totalByteCount = Self.byteCount(index["metadata"]?["total_size"])
  }

  /// The size, which some tools write as a text; it is only informative, so that no other form is wrong.
  private static func byteCount(_ value: JSONValue?) -> Int? {
    let number = value?.double ?? value?.text.flatMap { Double($0) }
    return number.flatMap { Int(exactly: $0) }.flatMap { $0 >= 0 ? $0 : nil }
  }

  private static func value(in url: URL) throws -> JSONValue {
    let data = try smallFile(url, failure: .invalidIndex)
    let options = JSONScanner.Options(allowsNonFiniteNumbers: true, repeatedKeys: .refused)
    do { return try Document(parsing: data, options: options).value } catch {
      throw CheckpointsError(
        .invalidIndex, "is not what was expected", subject: url.path, cause: error)
    }
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
