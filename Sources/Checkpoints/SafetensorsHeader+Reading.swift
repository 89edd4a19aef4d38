// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON
import Tensors
import Wording

extension SafetensorsHeader {
  /// Reads and checks the header of a whole file's bytes.
  ///
  /// - Parameters:
  ///   - file: the file from its first byte to its last.
  ///   - subject: what errors shall call it; usually its path.
  /// - Throws: ``CheckpointsError`` of code `invalidHeader`. No byte of the file is trusted: lengths,
  ///   offsets and extents are checked against each other and the file's size before they are used.
  public init(file: UnsafeRawBufferPointer, subject: String) throws {
    try self.init(fileByteCount: file.count, subject: subject) { Array(file[$0]) }
  }

  /// Reads and checks the header of a file, of which only that is read.
  init(of file: RandomAccessFile) throws {
    let byteCount = try file.mark().byteCount
    try self.init(fileByteCount: byteCount, subject: file.url.path) { range in
      var bytes = [UInt8](repeating: 0, count: range.count)
      try bytes.withUnsafeMutableBytes { try file.read(at: range.lowerBound, into: $0) }
      return bytes
    }
  }

  private init(
    fileByteCount: Int, subject: String, bytes: (Range<Int>) throws -> [UInt8]
  ) throws {
    let json = try Self.json(fileByteCount: fileByteCount, subject: subject, bytes: bytes)
    var reader = HeaderReader(dataByteCount: fileByteCount - 8 - json.count, subject: subject)
    try reader.read(json)
    try self.init(
      entries: reader.entries, metadata: reader.metadata ?? [:], json: json, subject: subject)
    guard dataByteCount == reader.dataByteCount else {
      throw CheckpointsError(
        .invalidHeader,
        "the header accounts for \(counted(dataByteCount, "byte")) of tensors, but the file holds "
          + "\(reader.dataByteCount)",
        subject: subject)
    }
  }

  private static func json(
    fileByteCount: Int, subject: String, bytes: (Range<Int>) throws -> [UInt8]
  ) throws -> [UInt8] {
    func failure(_ message: String) -> CheckpointsError {
      CheckpointsError(.invalidHeader, message, subject: subject)
    }
    guard fileByteCount >= 8 else {
      throw failure(
        "a file of \(counted(fileByteCount, "byte")) is too short for safetensors; it was cut, or "
          + "it is another kind of file"
      )
    }
    let beginning = try bytes(0..<min(64, fileByteCount))
    if let message = beginning.withUnsafeBytes({ ForeignFormat.message($0) }) {
      throw failure(message)
    }
    let length = beginning.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(maximumLength) else {
      throw failure(
        "a header of \(length) bytes is longer than the limit of \(maximumLength); this is not a "
          + "safetensors file, or it is damaged")
    }
    guard length <= UInt64(fileByteCount - 8) else {
      throw failure(
        "the header should be \(length) bytes long, but only \(fileByteCount - 8) follow; the file is "
          + "cut short")
    }
    let json = length > 0 ? try bytes(8..<8 + Int(length)) : []
    guard json.first == UInt8(ascii: "{") else {
      throw failure("the header does not begin with “{”; this is not a safetensors file")
    }
    return json
  }
}

/// Turns a header's JSON into entries, each checked by itself.
private struct HeaderReader {
  let dataByteCount: Int
  let subject: String
  var entries: [TensorEntry] = []
  var metadata: [String: String]?

  mutating func read(_ json: [UInt8]) throws {
    var scanner = JSONScanner(json)
    do {
      var hasMore = try scanner.beginObject()
      while hasMore {
        let name = try scanner.key()
        if name == "__metadata__" {
          try readMetadata(&scanner)
        } else {
          entries.append(try entry(name, &scanner))
        }
        hasMore = try scanner.nextMember()
      }
      try scanner.end()
    } catch let error as OrderedJSONError {
      throw CheckpointsError(
        .invalidHeader, "the header breaks at byte \(error.offset): \(error.message)",
        subject: subject)
    }
  }

  private mutating func readMetadata(_ scanner: inout JSONScanner) throws {
    guard metadata == nil else { throw scanner.failure("“__metadata__” stands twice") }
    // Writers without remarks may say so by null.
    guard !scanner.takeNull() else {
      metadata = [:]
      return
    }
    var result: [String: String] = [:]
    var hasMore = try scanner.beginObject()
    while hasMore {
      let key = try scanner.key()
      guard result.updateValue(try scanner.string(), forKey: key) == nil else {
        throw scanner.failure("metadata key “\(key)” stands twice")
      }
      hasMore = try scanner.nextMember()
    }
    metadata = result
  }

  private func entry(_ name: String, _ scanner: inout JSONScanner) throws -> TensorEntry {
    var dtypeName: String?
    var extents: [Int]?
    var offsets: [Int]?
    var hasMore = try scanner.beginObject()
    while hasMore {
      switch try scanner.key() {
      case "dtype" where dtypeName == nil: dtypeName = try scanner.string()
      case "shape" where extents == nil: extents = try naturalNumbers(&scanner)
      case "data_offsets" where offsets == nil: offsets = try naturalNumbers(&scanner)
      case let key:
        throw scanner.failure("tensor “\(name)”: unexpected or repeated key “\(key)”")
      }
      hasMore = try scanner.nextMember()
    }
    guard let dtypeName, let extents, let offsets else {
      throw scanner.failure("tensor “\(name)” lacks dtype, shape or data_offsets")
    }
    return try entry(name, dtype: dtypeName, extents: extents, offsets: offsets)
  }

  private func naturalNumbers(_ scanner: inout JSONScanner) throws -> [Int] {
    var numbers: [Int] = []
    var hasMore = try scanner.beginArray()
    while hasMore {
      numbers.append(try naturalNumber(&scanner))
      hasMore = try scanner.nextElement()
    }
    return numbers
  }

  private func naturalNumber(_ scanner: inout JSONScanner) throws -> Int {
    let failure = scanner.failure("expected a whole number")
    guard let spelling = try? scanner.number(),
      spelling.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
    else { throw failure }
    guard let number = Int(spelling) else { throw scanner.failure("number too large") }
    return number
  }

  private func entry(
    _ name: String, dtype dtypeName: String, extents: [Int], offsets: [Int]
  ) throws -> TensorEntry {
    func failure(_ message: String) -> CheckpointsError {
      CheckpointsError(.invalidHeader, "tensor “\(name)”: \(message)", subject: subject)
    }
    guard offsets.count == 2, offsets[0] <= offsets[1], offsets[1] <= dataByteCount else {
      throw failure(
        "data_offsets \(offsets) are not a range within the \(dataByteCount) bytes of data; the "
          + "file is cut short or damaged")
    }
    guard let shape = try? Shape(validating: extents) else {
      throw failure("shape \(extents) has more elements than memory can address")
    }
    let result = TensorEntry(
      name: name, dtypeName: dtypeName, shape: shape, dataOffsets: offsets[0]..<offsets[1])
    if let dtype = result.dtype {
      let expected = TensorSpec(name, dtype: dtype, shape: shape).byteCount
      guard expected == result.byteCount else {
        throw failure(
          "\(result.byteCount) bytes do not hold shape \(shape) of \(dtypeName)")
      }
    }
    return result
  }
}
