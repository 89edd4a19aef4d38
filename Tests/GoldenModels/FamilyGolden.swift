// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Tensors
import Text
import Training

/// A small random model of a family with what transformers computes for it in float64; made by
/// `Scripts/reference/family_goldens.py`.
package struct FamilyGolden: Sendable, CustomStringConvertible {
  package static let all = [
    "llama", "llama-biases", "mistral", "mistral-sliding", "mistral-bfloat16", "qwen2", "qwen3",
    "qwen3-sharded", "gemma", "phi3", "gpt_neox", "gpt_neox-sequential", "olmo", "olmo-tied",
    "mixtral",
  ].map { FamilyGolden(name: $0) }

  package let name: String
  package var description: String { name }

  package init(name: String) { self.name = name }

  package var url: URL { Bundle.module.bundleURL.appending(path: "Goldens/families/\(name)") }

  /// Its `config.json` and weights.
  package func directory() throws -> ModelDirectory { try ModelDirectory(reading: url) }

  /// The parameters in float64, in the program's order.
  package func values() throws -> [[Double]] {
    try directory().values().map { $0.floats.map(Double.init) }
  }

  /// The tokens; targets are the same ones.
  package func batch() throws -> TokenBatch {
    let tokens = try expected().tensor(named: "tokens")
    let count = tokens.shape.elementCount
    let ids = tokens.withUnsafeBytes { bytes in
      (0..<count).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self) }
    }
    return TokenBatch(
      sequenceCount: tokens.shape[0], sequenceLength: tokens.shape[1], inputs: ids, targets: ids)
  }

  /// The logits, [sequences, length, vocabulary], row-major.
  package func logits() throws -> [Double] { try doubles("logits") }

  /// The residual stream before the blocks and after each; after the last one, what its final norm makes
  /// of it.
  package func hidden(_ index: Int) throws -> [Double] { try doubles("hidden.\(index)") }

  private func expected() throws -> SafetensorsFile {
    try SafetensorsFile(url.appending(path: "expected.safetensors"))
  }

  private func doubles(_ name: String) throws -> [Double] {
    let tensor = try expected().tensor(named: name)
    let count = tensor.shape.elementCount
    return tensor.withUnsafeBytes { bytes in
      (0..<count).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
    }
  }
}
