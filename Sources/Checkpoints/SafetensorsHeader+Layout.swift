// SPDX-License-Identifier: Apache-2.0
import OrderedJSON
import Tensors

extension SafetensorsHeader {
  /// Lays tensors out as the Hugging Face library does, to the byte: types of greater rank first,
  /// then by the bytes of the name; compact JSON; padded with spaces to a multiple of 8.
  ///
  /// - Parameters:
  ///   - tensors: in any order.
  ///   - metadata: nil for none. Keys are sorted; that library leaves them in no fixed order, so
  ///     bytes are equal to its own only for up to one key. ``SafetensorsWriter/init(_:like:)``
  ///     keeps any order.
  /// - Throws: ``CheckpointsError`` of code `invalidHeader` for repeated or reserved names, or for
  ///   sizes beyond the format's.
  public init(tensors: [TensorSpec], metadata: [String: String]? = nil) throws {
    let entries = try Self.layOut(tensors)
    var json = Self.json(entries: entries, metadata: metadata)
    json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: -json.count & 7))
    guard json.count <= Self.maximumLength else {
      throw CheckpointsError(
        .invalidHeader,
        "a header of \(json.count) bytes is longer than the limit of \(Self.maximumLength); split "
          + "the tensors over several files",
        subject: "safetensors header")
    }
    try self.init(
      entries: entries, metadata: metadata ?? [:], json: json, subject: "safetensors header")
  }

  private static func layOut(_ tensors: [TensorSpec]) throws -> [TensorEntry] {
    var end = 0
    return try tensors.sorted(by: precedes).map { tensor in
      let (next, overflow) = end.addingReportingOverflow(tensor.byteCount ?? .max)
      // 8 and the header's limit are kept free, so that positions in the file fit as well.
      guard !overflow, next <= Int.max - 8 - maximumLength, tensor.name != "__metadata__" else {
        throw CheckpointsError(
          .invalidHeader, "a tensor \(tensor.shape) of this name and size has no place in a file",
          subject: tensor.name)
      }
      defer { end = next }
      return TensorEntry(
        name: tensor.name, dtypeName: tensor.dtypeName, shape: tensor.shape,
        dataOffsets: end..<next)
    }
  }

  private static func precedes(_ left: TensorSpec, _ right: TensorSpec) -> Bool {
    let (leftRank, rightRank) = (layoutRank(left), layoutRank(right))
    if leftRank != rightRank { return leftRank > rightRank }
    return left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
  }

  /// Foreign types go by their elements' size, so that what follows them stays aligned.
  private static func layoutRank(_ tensor: TensorSpec) -> Int {
    if let dtype = tensor.dtype { return dtype.layoutRank }
    let width = (tensor.byteCount ?? 0) / max(1, tensor.shape.elementCount)
    let twin: DType = width >= 8 ? .int64 : width >= 4 ? .int32 : width >= 2 ? .int16 : .int8
    return twin.layoutRank
  }

  private static func json(entries: [TensorEntry], metadata: [String: String]?) -> [UInt8] {
    var members: [JSONObject.Member] = []
    members.reserveCapacity(entries.count + 1)
    if let metadata {
      let remarks = JSONObject(metadata.map { .init(key: $0.key, value: .string($0.value)) })
      members.append(.init(key: "__metadata__", value: .object(remarks.sorted())))
    }
    for entry in entries {
      let offsets = entry.dataOffsets
      members.append(
        .init(
          key: entry.name,
          value: [
            "dtype": .string(entry.dtypeName),
            "shape": .array(entry.shape.extents.map { JSONValue($0) }),
            "data_offsets": [JSONValue(offsets.lowerBound), JSONValue(offsets.upperBound)],
          ]))
    }
    return JSONValue.object(JSONObject(members)).encoded(.compact)
  }
}
