// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation

/// What a safetensors file holds.
public struct TensorFileInspection: Sendable, Hashable, Encodable {
  /// One tensor.
  public struct Tensor: Sendable, Hashable, Encodable {
    /// Its name.
    public var name: String
    /// Its element type, as the file names it.
    public var type: String
    /// Its extents.
    public var shape: [Int]
    /// Bytes of its elements.
    public var bytes: Int
  }
  /// The file.
  public var path: String
  /// The file's own remarks.
  public var metadata: [String: String]
  /// The tensors, in the order of the file.
  public var tensors: [Tensor]

  /// Elements of all tensors.
  public var elementCount: Int {
    tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
  }

  init(_ file: SafetensorsFile) {
    path = file.url.path(percentEncoded: false)
    metadata = file.metadata
    tensors = file.entries.map {
      Tensor(
        name: $0.name, type: $0.dtypeName, shape: $0.shape.extents, bytes: $0.byteCount)
    }
  }
}
