// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// Writes a safetensors file tensor by tensor, or piece by piece, so that neither the file nor a
/// tensor need fit into memory.
///
/// The file appears when ``finish()`` returns; until then one of the same name stays as it was,
/// and a writer that is dropped leaves nothing behind.
///
/// ```swift
/// let writer = try SafetensorsWriter(url, tensors: specs, metadata: ["format": "pt"])
/// for entry in writer.header.entriesInFileOrder {
///   try writer.append(tensors[entry.name], named: entry.name)
/// }
/// let digest = try writer.finish()
/// ```
public final class SafetensorsWriter {
  /// The header; its `entriesInFileOrder` is the order in which tensors must come.
  public let header: SafetensorsHeader
  private let url: URL
  private let output: OutputFile
  private var index = 0
  private var bytesOfCurrent = 0

  /// Starts a file laid out as the Hugging Face library does.
  public convenience init(
    _ url: URL, tensors: [TensorSpec], metadata: [String: String]? = nil
  ) throws {
    try self.init(url, like: SafetensorsHeader(tensors: tensors, metadata: metadata))
  }

  /// Starts a file with the very header of another: its order, remarks and spaces.
  ///
  /// The same tensors then make the same file, to the byte.
  public convenience init(_ url: URL, like header: SafetensorsHeader) throws {
    try self.init(header, OutputFile(url, expectedByteCount: header.fileByteCount), url)
  }

  package init(_ header: SafetensorsHeader, _ output: OutputFile, _ url: URL) throws {
    self.header = header
    self.output = output
    self.url = url
    var length = UInt64(header.json.count).littleEndian
    try withUnsafeBytes(of: &length) { try output.write($0) }
    try header.json.withUnsafeBytes { try output.write($0) }
  }

  /// The tensor that must come next, or whose pieces are not all there; nil at the end.
  public var next: TensorEntry? {
    index < header.entriesInFileOrder.count ? header.entriesInFileOrder[index] : nil
  }

  /// Appends a whole tensor.
  ///
  /// - Throws: ``CheckpointsError`` of code `mismatchedTensor` where its name, type or shape is not
  ///   that of ``next``; `outOfSpace` or `unwritableFile` where the system refuses.
  public func append(_ tensor: TensorView, named name: String) throws {
    guard let next, next.name == name, bytesOfCurrent == 0, next.dtype == tensor.dtype,
      next.shape == tensor.shape
    else {
      throw mismatch(
        name, "is \(tensor.dtype.safetensorsName) \(tensor.shape), where \(expectation)")
    }
    try tensor.withUnsafeBytes { try append(bytes: $0, named: name) }
  }

  /// Appends a whole tensor.
  public func append(_ tensor: HostTensor, named name: String) throws {
    try append(tensor.view, named: name)
  }

  /// Appends the next bytes of a tensor: some rows, or all of it in its file's own type.
  ///
  /// - Throws: ``CheckpointsError`` of code `mismatchedTensor` where another tensor is due or the
  ///   bytes are too many; `outOfSpace` or `unwritableFile` where the system refuses.
  public func append(bytes: UnsafeRawBufferPointer, named name: String) throws {
    guard let next, next.name == name, bytes.count <= next.byteCount - bytesOfCurrent else {
      throw mismatch(name, "has \(bytes.count) bytes more, where \(expectation)")
    }
    try output.write(bytes)
    bytesOfCurrent += bytes.count
    if bytesOfCurrent == next.byteCount {
      index += 1
      bytesOfCurrent = 0
    }
  }

  /// Completes the file, syncs it to the disk and gives it its name.
  ///
  /// - Returns: the file's size and SHA-256, computed on the way.
  /// - Throws: ``CheckpointsError`` of code `mismatchedTensor` where tensors are missing.
  public func finish() throws -> FileDigest {
    if let next {
      throw mismatch(
        next.name, "is missing, or \(next.byteCount - bytesOfCurrent) bytes of it are")
    }
    return try output.finish()
  }

  private var expectation: String {
    guard let next else { return "the file is complete" }
    return "“\(next.name)”, \(next.dtypeName) \(next.shape), still has "
      + "\(next.byteCount - bytesOfCurrent) bytes to come"
  }

  private func mismatch(_ name: String, _ message: String) -> CheckpointsError {
    CheckpointsError(
      .mismatchedTensor, "the tensor “\(name)” \(message)", subject: url.path)
  }
}

extension SafetensorsWriter {
  /// Writes a whole file, asking for each tensor when its turn comes.
  ///
  /// - Parameter tensor: gives the tensor of an entry; called in the order of the file.
  public static func write(
    _ url: URL, tensors: [TensorSpec], metadata: [String: String]? = nil,
    tensor: (TensorEntry) throws -> HostTensor
  ) throws -> FileDigest {
    let writer = try SafetensorsWriter(url, tensors: tensors, metadata: metadata)
    while let next = writer.next { try writer.append(tensor(next), named: next.name) }
    return try writer.finish()
  }
}
