// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors
import Training

/// A model after some steps of torch.optim.AdamW; made by `Scripts/reference/exchange_goldens.py`.
struct ExchangeGolden: Sendable, CustomStringConvertible {
  static let all = ["gpt2", "mixtral"].map(ExchangeGolden.init)

  let name: String
  var description: String { name }
  var url: URL { Bundle.module.bundleURL.appending(path: "Goldens/torch/\(name)") }
  var optimizer: URL { url.appending(path: "adamw.safetensors") }

  /// The optimizer's file with something changed.
  ///
  /// - Parameters:
  ///   - tensors: changes the tensors by name; nil leaves one out.
  ///   - json: changes the settings.
  func changed(
    to target: URL, tensors change: (String, HostTensor) throws -> HostTensor? = { $1 },
    adding: [(String, HostTensor)] = [], json: (String) -> String? = { $0 }
  ) throws {
    let file = try SafetensorsFile(optimizer)
    var tensors = try file.names.compactMap { name in
      try change(name, HostTensor(copying: file.tensor(named: name))).map { (name, $0) }
    }
    tensors += adding
    var metadata = file.metadata
    metadata["adamw"] = json(metadata["adamw"] ?? "")
    let writer = try SafetensorsWriter(
      target,
      like: SafetensorsHeader(
        tensors: tensors.map { TensorSpec($0.0, dtype: $0.1.dtype, shape: $0.1.shape) },
        metadata: metadata))
    let byName = Dictionary(tensors) { first, _ in first }
    while let next = writer.next {
      if let tensor = byName[next.name] { try writer.append(tensor, named: next.name) }
    }
    _ = try writer.finish()
  }
}

extension HostTensor {
  /// The tensor with one element replaced.
  func replacing(_ place: Int, with value: Float) -> HostTensor {
    var elements = floats
    elements[place] = value
    return HostTensor(elements, shape: shape)
  }
}

extension TestFolder {
  /// A file in the folder, which is made.
  func file(_ name: String) -> URL {
    try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url.appending(path: name)
  }
}
