// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// Named tensors in one file or several, loaded by name.
public protocol TensorSource: Sendable {
  /// What there is, in the order of the bytes in the file (shard after shard), which is the order
  /// that reads fastest.
  var entries: [TensorEntry] { get }
  /// The files' own remarks.
  var metadata: [String: String] { get }
  /// What is known of a tensor; nil for a name that is not there.
  func entry(named name: String) -> TensorEntry?
  /// A tensor's bytes, read from the file.
  ///
  /// - Throws: ``CheckpointsError`` of code `missingTensor`, or `unsupportedType` for an element type
  ///   that can only be listed.
  func tensor(named name: String) throws -> TensorView
  /// Where a tensor's bytes are, for reading them piece by piece; nil for a name that is not there.
  func location(of name: String) -> TensorLocation?
}

/// Where a tensor's bytes are.
public struct TensorLocation: Sendable, Hashable {
  /// What the file's header says of it.
  public let entry: TensorEntry
  /// The file.
  public let file: URL
  /// Its first byte, counted from the file's first.
  public let offset: Int
}

extension TensorSource {
  /// The tensors' names, in the order of ``entries``.
  public var names: [String] { entries.map(\.name) }

  /// A tensor's elements as float32.
  ///
  /// - Throws: ``CheckpointsError`` of code `missingTensor`, or `unsupportedType` for elements that
  ///   are not real numbers.
  public func float32(named name: String) throws -> HostTensor {
    let view = try tensor(named: name)
    guard view.dtype.isFloatingPoint else {
      throw CheckpointsError(
        .unsupportedType, "holds \(view.dtype.safetensorsName), which are not real numbers",
        subject: name)
    }
    return try view.convertedToFloat32()
  }
}

/// Opens a model's tensors in a Hugging Face directory: one `model.safetensors`, or shards with
/// `model.safetensors.index.json`; the single file where there are both.
///
/// - Throws: ``CheckpointsError`` that names the missing or damaged file.
public func openTensors(
  in directory: URL, baseName: String = "model"
) throws -> any TensorSource {
  let single = directory.appending(path: "\(baseName).safetensors")
  if FileManager.default.fileExists(atPath: single.path) { return try SafetensorsFile(single) }
  let index = directory.appending(path: ShardIndex.fileName(baseName: baseName))
  guard FileManager.default.fileExists(atPath: index.path) else {
    throw MissingWeights.error(in: directory, baseName: baseName)
  }
  return try ShardedTensors(index: index)
}
