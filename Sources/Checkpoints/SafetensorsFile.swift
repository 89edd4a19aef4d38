// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// A safetensors file mapped into memory; tensors are views of it, read when they are touched.
///
/// A file must not be cut short while it is mapped; writers of this library never do so, since
/// they replace files and do not overwrite them.
public final class SafetensorsFile: TensorSource {
  /// Where the file is.
  public let url: URL
  /// What the file holds.
  public let header: SafetensorsHeader
  private let file: MappedFile

  /// Maps a file and checks its header.
  ///
  /// - Throws: ``CheckpointsError`` of code `unreadableFile` or `invalidHeader`.
  public init(_ url: URL) throws {
    self.url = url
    let file: MappedFile
    do {
      file = try MappedFile(url)
    } catch let error as TensorsError {
      throw CheckpointsError(.unreadableFile, error.message, subject: error.subject)
    }
    defer { withExtendedLifetime(file) {} }
    self.file = file
    header = try SafetensorsHeader(file: file.bytes, subject: url.path)
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

  /// A tensor's bytes, borrowed from the mapped file.
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
    return try TensorView(
      dtype: dtype, shape: entry.shape, bytes: bytes(of: entry), owner: file)
  }

  /// The bytes of a tensor of any element type, also one that cannot be loaded; valid while
  /// `body` runs.
  public func withBytes<Result>(
    of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    defer { withExtendedLifetime(file) {} }
    return try body(bytes(of: try existingEntry(named: name)))
  }

  /// Tells the system whether tensors will be read in the order of ``entries``, or at random.
  public func advise(sequential: Bool) { file.advise(sequential: sequential) }

  private func existingEntry(named name: String) throws -> TensorEntry {
    guard let entry = header.entry(named: name) else {
      throw CheckpointsError(
        .missingTensor, "has no tensor “\(name)” among its \(header.entries.count)",
        subject: url.path)
    }
    return entry
  }

  private func bytes(of entry: TensorEntry) -> UnsafeRawBufferPointer {
    let start = header.dataOffset + entry.dataOffsets.lowerBound
    return UnsafeRawBufferPointer(rebasing: file.bytes[start..<start + entry.byteCount])
  }
}
