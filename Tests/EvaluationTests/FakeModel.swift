// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import Text
import Training

/// A model whose logits are a function of the tokens that it sees, which remembers what it was asked.
final class FakeModel: LanguageModel {
  /// One target that was scored.
  struct Scored: Hashable {
    var context: [Int32]
    var target: Int32
  }

  private let logits: ([Int32]) -> [Float]
  private(set) var scored: [Scored] = []
  private(set) var batches: [TokenBatch] = []
  /// What each decoder was given, call by call, with its capacity.
  private(set) var decoders: [(capacity: Int, calls: [[Int32]])] = []

  init(_ logits: @escaping ([Int32]) -> [Float]) { self.logits = logits }

  /// A model of `vocabulary` tokens whose logits look random but depend on every token it sees.
  convenience init(hashing vocabulary: Int) {
    self.init { context in
      var state = context.reduce(UInt64(17)) { ($0 ^ UInt64($1)) &* 0x9E37_79B9_7F4A_7C15 }
      return (0..<vocabulary).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(state >> 40) / Float(1 << 22)
      }
    }
  }

  func score(_ batch: TokenBatch) throws -> [TokenScore] {
    batches.append(batch)
    return batch.targets.indices.map { row in
      let target = batch.targets[row]
      guard target >= 0 else { return TokenScore(logProbability: 0, isGreedy: false) }
      let start = row / batch.sequenceLength * batch.sequenceLength
      let context = Array(batch.inputs[start...row])
      scored.append(Scored(context: context, target: target))
      return Self.score(logits(context), target)
    }
  }

  static func score(_ logits: [Float], _ target: Int32) -> TokenScore {
    let largest = Double(logits.max() ?? 0)
    let sum = logits.reduce(0) { $0 + exp(Double($1) - largest) }
    let own = Double(logits[Int(target)])
    return TokenScore(
      logProbability: Float(own - largest - log(sum)),
      isGreedy: logits.firstIndex(of: Float(largest)) == Int(target))
  }

  func logits(_ batch: TokenBatch) throws -> HostTensor {
    let rows = batch.inputs.indices.flatMap { row in
      logits(Array(batch.inputs[row / batch.sequenceLength * batch.sequenceLength...row]))
    }
    return HostTensor(rows, shape: [batch.inputs.count, rows.count / batch.inputs.count])
  }

  func makeDecoder(capacity: Int) throws -> any TokenDecoder {
    decoders.append((capacity, []))
    return FakeDecoder(capacity: capacity) { [self, index = decoders.count - 1] all, new in
      decoders[index].calls.append(new)
      return logits(all)
    }
  }
}

private final class FakeDecoder: TokenDecoder {
  struct Full: Error {}

  private let capacity: Int
  private let logits: ([Int32], [Int32]) -> [Float]
  private var tokens: [Int32] = []
  var count: Int { tokens.count }

  init(capacity: Int, logits: @escaping ([Int32], [Int32]) -> [Float]) {
    self.capacity = capacity
    self.logits = logits
  }

  func append(_ new: [Int32]) throws -> [Float] {
    tokens += new
    guard !new.isEmpty, tokens.count <= capacity else { throw Full() }
    return logits(tokens, new)
  }
}
