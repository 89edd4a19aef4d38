// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// Puts files into a checkpoint that is being written, and remembers their checksums.
///
/// Files may also be written to ``directory`` by other means; they are then read once more for
/// their checksum.
public final class CheckpointWriter {
  /// The temporary directory that becomes the checkpoint.
  public let directory: URL
  private(set) var digests: [String: FileDigest] = [:]

  init(directory: URL, digests: [String: FileDigest] = [:]) {
    self.directory = directory
    self.digests = digests
  }

  /// Writes a small file.
  public func write(_ data: Data, to name: String) throws {
    digests[name] = try OutputFile.write(data, to: directory.appending(path: name))
  }

  /// Writes tensors to one safetensors file, or to shards with their index.
  ///
  /// - Parameters:
  ///   - baseName: `model` for `model.safetensors`.
  ///   - metadata: the file's remarks; transformers wants `["format": "pt"]`.
  ///   - maximumShardByteCount: bytes of tensors in one file; nil for a single file.
  ///   - tensor: gives the tensor of an entry; called once for each, in the order of the file, so
  ///     that only one need be in memory.
  public func writeTensors(
    _ baseName: String, _ tensors: [TensorSpec], metadata: [String: String]? = nil,
    maximumShardByteCount: Int? = nil, tensor: (TensorEntry) throws -> HostTensor
  ) throws {
    let writer = try ShardedWriter(
      in: directory, baseName: baseName, tensors: tensors, metadata: metadata,
      maximumShardByteCount: maximumShardByteCount)
    while let next = writer.next { try writer.append(tensor(next), named: next.name) }
    digests.merge(try writer.finish()) { _, new in new }
  }

  /// Copies tensors of any element type, under the very header of the file they came from: where
  /// nothing changed, the file is the same to the byte.
  public func writeTensors(_ baseName: String, copying file: SafetensorsFile) throws {
    let name = "\(baseName).safetensors"
    let writer = try SafetensorsWriter(directory.appending(path: name), like: file.header)
    while let next = writer.next {
      try file.withBytes(of: next.name) { try writer.append(bytes: $0, named: next.name) }
    }
    digests[name] = try writer.finish()
  }
}
