// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// The header of a safetensors file: which tensors it holds, and where.
///
/// The format (https://github.com/huggingface/safetensors): the header's length as 8 little-endian
/// bytes; the header, a JSON object `{"name": {"dtype", "shape", "data_offsets"}, "__metadata__":
/// {string: string}}`; then the tensors' bytes, without gaps or overlaps.
public struct SafetensorsHeader: Sendable {
  /// The longest header that is read or written: 100 MB, the limit of the Hugging Face library.
  public static let maximumLength = 100_000_000

  /// The tensors in the order in which the header names them.
  public let entries: [TensorEntry]
  /// The tensors in the order in which their bytes stand in the file.
  public let entriesInFileOrder: [TensorEntry]
  /// The file's own remarks; transformers, for one, wants `format` to be `pt`.
  public let metadata: [String: String]
  /// The JSON text as it stands in the file, padding included.
  public let json: [UInt8]
  /// Bytes of all tensors.
  public let dataByteCount: Int

  private let indices: [String: Int]

  /// Bytes of the whole file.
  public var fileByteCount: Int { dataOffset + dataByteCount }
  /// Bytes before the first tensor.
  public var dataOffset: Int { 8 + json.count }

  /// What the header says of a tensor; nil for a name it does not have.
  public func entry(named name: String) -> TensorEntry? { indices[name].map { entries[$0] } }

  /// Collects entries that have been read or laid out, and checks them together.
  init(
    entries: [TensorEntry], metadata: [String: String], json: [UInt8], subject: String
  ) throws {
    self.entries = entries
    self.metadata = metadata
    self.json = json
    indices = try Self.indices(of: entries, subject: subject)
    entriesInFileOrder = Self.sortedByOffset(entries)
    dataByteCount = try Self.endOfGaplessData(entriesInFileOrder, subject: subject)
  }

  private static func indices(
    of entries: [TensorEntry], subject: String
  ) throws -> [String: Int] {
    var indices: [String: Int] = [:]
    indices.reserveCapacity(entries.count)
    for (index, entry) in entries.enumerated() {
      guard indices.updateValue(index, forKey: entry.name) == nil else {
        throw CheckpointsError(
          .invalidHeader, "the tensor “\(entry.name)” is named twice", subject: subject)
      }
    }
    return indices
  }

  /// Sorted by where bytes begin, then where they end; empty tensors keep the header's order.
  private static func sortedByOffset(_ entries: [TensorEntry]) -> [TensorEntry] {
    entries.enumerated().sorted { left, right in
      let (a, b) = (left.element.dataOffsets, right.element.dataOffsets)
      return (a.lowerBound, a.upperBound, left.offset) < (b.lowerBound, b.upperBound, right.offset)
    }.map(\.element)
  }

  private static func endOfGaplessData(
    _ sorted: [TensorEntry], subject: String
  ) throws -> Int {
    var end = 0
    for entry in sorted {
      guard entry.dataOffsets.lowerBound == end else {
        let kind = entry.dataOffsets.lowerBound < end ? "an overlap" : "a hole"
        throw CheckpointsError(
          .invalidHeader,
          "the tensor “\(entry.name)” begins at byte \(entry.dataOffsets.lowerBound) where \(end) "
            + "was expected, which is \(kind); the file is damaged or was badly written",
          subject: subject)
      }
      end = entry.dataOffsets.upperBound
    }
    return end
  }
}
