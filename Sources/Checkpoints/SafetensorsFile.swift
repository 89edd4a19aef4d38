// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// A safetensors file whose tensors are read when they are asked for.
///
/// It is read by calls and not mapped, so a file that is cut short meanwhile is an error and does not
/// end the process.
public final class SafetensorsFile: TensorSource {
  /// Where the file is.
  public let url: URL
  /// What the file holds.
  public let header: SafetensorsHeader
  private let file: RandomAccessFile

  /// Opens a file and checks its header.
  ///
  /// - Throws: ``CheckpointsError`` of code `unreadableFile` or `invalidHeader`.
  public init(_ url: URL) throws {
    self.url = url
    file = try RandomAccessFile(url)
    header = try SafetensorsHeader(of: file)
  }

  /// What there is, in the order of the bytes in the file.
  public var entries: [TensorEntry] { header.entriesInFileOrder }
  /// The file's own remarks.
  public var metadata: [String: String] { header.metadata }

  /// What is known of a tensor; nil for a name that is not there.
  public func entry(named name: String) -> TensorEntry? { header.entry(named: name) }

  /// Where a tensor's bytes are; nil for a name that is not there.
  public func location(of name: String) -> TensorLocation? {
    entry(named: name).map {
      TensorLocation(entry: $0, file: url, offset: header.dataOffset + $0.dataOffsets.lowerBound)
    }
  }

  /// A tensor's bytes, read from the file into memory of the view's own.
  ///
  /// - Throws: ``CheckpointsError`` of code `missingTensor` or `unsupportedType`.
  public func tensor(named name: String) throws -> TensorView {
    let entry = try existingEntry(named: name)
    guard let dtype = entry.dtype else {
      throw CheckpointsError(
        .unsupportedType,
        "the tensor “\(name)” has elements of type \(entry.dtypeName); readable are "
          + DType.allCases.map(\.safetensorsName).joined(separator: ", "),
        subject: url.path)
    }
    return try HostTensor(shape: entry.shape, dtype: dtype) {
      try file.read(at: header.dataOffset + entry.dataOffsets.lowerBound, into: $0)
    }.view
  }

  /// The bytes of a tensor of any element type, also one that cannot be loaded; valid while
  /// `body` runs.
  public func withBytes<Result>(
    of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    let entry = try existingEntry(named: name)
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: entry.byteCount, alignment: 64)
    defer { bytes.deallocate() }
    try file.read(at: header.dataOffset + entry.dataOffsets.lowerBound, into: bytes)
    return try body(UnsafeRawBufferPointer(bytes))
  }

  private func existingEntry(named name: String) throws -> TensorEntry {
    guard let entry = header.entry(named: name) else {
      throw CheckpointsError(
        .missingTensor, "has no tensor “\(name)” among its \(header.entries.count)",
        subject: url.path)
    }
    return entry
  }
}
