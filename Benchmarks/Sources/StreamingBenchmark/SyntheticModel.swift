// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// A Llama of a given number of parameters whose weights are random, written in bfloat16 shards without
/// ever holding more than a block of it.
struct SyntheticModel {
  let configuration: ModelConfiguration

  /// A model with a layer for each 100 of its width, as published ones have: 3 B parameters are 28
  /// layers, 2816 wide.
  init(parameters: Double) {
    let width = Self.width(parameters)
    configuration = ModelConfiguration(
      architecture: .llama, layerCount: max(1, width / 100), hiddenSize: width,
      headCount: width / 128, keyValueHeadCount: width / 128, headSize: 128,
      intermediateSize: width * 8 / 3 / 64 * 64, vocabularySize: 32_000, contextLength: 2048,
      normEpsilon: 1e-5, rotary: RotaryEmbedding(), tiesHead: false)
  }

  /// The width, a multiple of 128, at which 12 · width² · width / 100 and the tables come to so many.
  private static func width(_ parameters: Double) -> Int {
    var width = 128
    while true {
      let next = Double(width + 128)
      if 12 * next * next * (next / 100) + 64_000 * next > parameters * 1.02 { return width }
      width += 128
    }
  }

  /// Writes the model's directory.
  func write(to directory: URL, shardByteCount: Int) throws {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    try HuggingFaceConfiguration(configuration, weightType: .bfloat16).encoded()
      .write(to: directory.appending(path: "config.json"))
    let writer = try ShardedWriter(
      in: directory,
      tensors: configuration.program().parameters.map {
        TensorSpec($0.name, dtype: .bfloat16, shape: $0.shape)
      }, metadata: ["format": "pt"], maximumShardByteCount: shardByteCount)
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 << 20, alignment: 64)
    defer { block.deallocate() }
    var random = UInt64(1)
    while let entry = writer.next {
      var left = entry.byteCount
      while left > 0 {
        let part = UnsafeMutableRawBufferPointer(rebasing: block[..<min(left, block.count)])
        Self.fill(part.bindMemory(to: UInt16.self), &random)
        try writer.append(bytes: UnsafeRawBufferPointer(part), named: entry.name)
        left -= part.count
      }
    }
    _ = try writer.finish()
  }

  /// Numbers of either sign between 2⁻⁸ and 2⁻⁵.
  private static func fill(_ target: UnsafeMutableBufferPointer<UInt16>, _ random: inout UInt64) {
    for index in target.indices {
      random ^= random << 13
      random ^= random >> 7
      random ^= random << 17
      let bits = UInt16(truncatingIfNeeded: random >> 20)
      target[index] = bits & 0x807F | (119 + (bits >> 8) % 3) << 7
    }
  }
}
