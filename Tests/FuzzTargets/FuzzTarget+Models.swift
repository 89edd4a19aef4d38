// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Growth
import Text
import Training

extension FuzzTarget {
  /// Readers of models' files.
  package static let models: [FuzzTarget] = [
    FuzzTarget("safetensors", words: ["dtype", "shape", "data_offsets", "__metadata__", "BF16"]) {
      data in
      let header = try data.withUnsafeBytes { try SafetensorsHeader(file: $0, subject: "input") }
      for entry in header.entriesInFileOrder {
        promise(entry.shape.elementCount >= 0, "\(entry.name) has a negative size")
      }
      try ScratchFile.with(data, named: "model.safetensors") { url in
        let file = try SafetensorsFile(url)
        for entry in file.entries.prefix(8) { _ = try file.tensor(named: entry.name) }
      }
    },
    FuzzTarget("index", words: ["weight_map", "metadata", "total_size", ".safetensors"]) { data in
      let index = try ScratchFile.with(data, named: "index.json") { try ShardIndex(reading: $0) }
      let again = try ScratchFile.with(Data(index.json.utf8), named: "again.json") {
        try ShardIndex(reading: $0)
      }
      promise(index == again, "an index reads differently once written")
    },
    FuzzTarget("config", words: ["model_type", "rope_scaling", "hidden_size", "null"]) { data in
      let file = try HuggingFaceConfiguration(data)
      let again = try HuggingFaceConfiguration(try file.encoded())
      promise(file.model == again.model, "a configuration reads differently once written")
      _ = try file.model.floatingPointOperations(sequenceLength: 128)
      guard file.model.layerCount <= 64 else { return }
      _ = try file.model.program()
    },
    FuzzTarget("family", words: ["positions", "norm", "tensors", "configuration"]) { data in
      guard let text = String(validating: data, as: UTF8.self) else { return }
      let family = try FamilyFile(yaml: text, name: "input")
      let again = try FamilyFile(yaml: try family.yaml(), name: "again")
      promise(family.family == again.family, "a family reads differently once written")
    },
    FuzzTarget("tokenizer", words: ["added_tokens", "model", "vocab", "merges", "pre_tokenizer"]) {
      data in
      let tokenizer = try TokenizerLoader.tokenizer(json: data, subject: "input")
      let tokens = tokenizer.encode("Two words, 3 and ½ a line.\n", allowsSpecialTokens: true)
      promise(
        tokens.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize },
        "a token is outside the vocabulary")
      _ = tokenizer.decode(tokens)
    },
    FuzzTarget("manifest", words: ["formatVersion", "files", "sha256", "byteCount"]) { data in
      try ScratchFile.with(data, named: Manifest.fileName) {
        _ = try Manifest(reading: $0.deletingLastPathComponent())
      }
    },
    FuzzTarget("state", words: ["status", "cursor", "progress", "schedule", "1e308"]) { data in
      try ScratchFile.with(data, named: TrainingStateFiles.state) {
        let status = try TrainingState.status(in: $0.deletingLastPathComponent())
        _ = status.training.schedule.rate(at: status.progress, position: status.position)
        _ = status.training.stop.after?.isReached(by: status.progress)
      }
    },
    FuzzTarget("receipt", words: ["steps", "small", "grown", "maps", "operator"]) { data in
      let receipt = try GrowthReceipt(data)
      let again = try GrowthReceipt(try receipt.encoded())
      promise(
        try receipt.encoded() == again.encoded(), "a receipt reads differently once written")
    },
  ]
}
