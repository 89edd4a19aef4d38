// SPDX-License-Identifier: Apache-2.0
import StableHLO
import Tensors
import Text
import Training

/// A model for scoring and generating on an accelerator.
final class XLALanguageModel: LanguageModel {
  private let model: DeviceModel

  init(_ model: DeviceModel) { self.model = model }

  func score(_ batch: TokenBatch) throws -> [TokenScore] {
    let scores = try model.scores(batch)
    return zip(scores.logProbabilities, scores.greedy).map {
      TokenScore(logProbability: $0, isGreedy: $1 != 0)
    }
  }

  func logits(_ batch: TokenBatch) throws -> HostTensor {
    try model.check(batch)
    let whole = model.roundedUp(batch)
    let shape = BatchShape(
      sequenceCount: whole.sequenceCount, sequenceLength: whole.sequenceLength)
    let output = try model.run(.logits(shape), model.values + [model.upload(rows: whole.inputs)])
    let vocabulary = model.program.vocabularySize
    let all = try output[0].tensor()
    // Only the rows that were asked for.
    return all.withUnsafeBytes { all in
      HostTensor(shape: [batch.inputs.count, vocabulary]) { bytes in
        let length = batch.sequenceLength * vocabulary * 4
        for sequence in 0..<batch.sequenceCount {
          let start = sequence * whole.sequenceLength * vocabulary * 4
          UnsafeMutableRawBufferPointer(rebasing: bytes[(sequence * length)...])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: all[start..<start + length]))
        }
      }
    }
  }

  func makeDecoder(capacity: Int) throws -> any TokenDecoder {
    if let obstacle = model.program.obstacle(toDecoderOf: capacity) {
      throw XLAEngineError(.invalidBatch, obstacle, subject: "decoder")
    }
    return XLADecoder(model, capacity: capacity)
  }
}

/// One sequence being generated on an accelerator.
///
/// Keys and values have room for a fixed number of positions, which doubles when it is used up, so that
/// few programs are compiled.
final class XLADecoder: TokenDecoder {
  private let model: DeviceModel
  private let capacity: Int
  private(set) var count = 0
  private var cache: [DeviceBuffer] = []
  private var room = 0
  /// Positions at first.
  private static let leastRoom = 64
  /// Longer prompts go in pieces.
  private static let pieceSize = 128

  init(_ model: DeviceModel, capacity: Int) {
    self.model = model
    self.capacity = capacity
  }

  func append(_ tokens: [Int32]) throws -> [Float] {
    if let obstacle = obstacle(toAppending: tokens.count, capacity: capacity) {
      throw XLAEngineError(.invalidBatch, obstacle, subject: "decoder")
    }
    try model.check(
      TokenBatch(sequenceCount: 1, sequenceLength: tokens.count, inputs: tokens, targets: tokens))
    var logits: [Float] = []
    for start in stride(from: 0, to: tokens.count, by: Self.pieceSize) {
      let end = min(start + Self.pieceSize, tokens.count)
      logits = try append(piece: Array(tokens[start..<end]))
    }
    return logits
  }

  private func append(piece: [Int32]) throws -> [Float] {
    // Rows that fill a piece up write keys that the next piece writes over.
    let length = piece.count == 1 ? 1 : max(16, DeviceModel.roundedUp(piece.count))
    try makeRoom(for: count + length)
    let tokens = piece + [Int32](repeating: 0, count: length - piece.count)
    let number = TensorType(.int32)
    let numbers = [
      try model.client.upload([Int32(count)], number),
      try model.client.upload([Int32(piece.count - 1)], number),
    ]
    var outputs = try model.run(
      .decoding(pieceLength: length, capacity: room),
      model.values + cache + [model.upload(rows: tokens)] + numbers)
    let logits = try outputs.removeLast().floats()
    cache = outputs
    count += piece.count
    return logits
  }

  /// Doubles the room until it holds so many positions.
  private func makeRoom(for positions: Int) throws {
    guard positions > room || cache.isEmpty else { return }
    var next = max(room, Self.leastRoom)
    while next < positions { next *= 2 }
    let types = model.writer.cacheTypes(capacity: next)
    cache = try types.enumerated().map { index, type in
      var elements = [Float](repeating: 0, count: type.elementCount)
      if room > 0 {
        let (old, width) = (try cache[index].floats(), type.extents[2])
        for head in 0..<type.extents[0] {
          let (from, to) = (head * room * width, head * next * width)
          elements.replaceSubrange(to..<to + room * width, with: old[from..<from + room * width])
        }
      }
      return try model.client.upload(elements, type)
    }
    room = next
  }
}
