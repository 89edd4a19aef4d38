// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO

/// A dropout's rate, and which random numbers are its own.
struct DropoutLowering {
  var rate: Double
  var stream: Int
}

extension Lowering {
  func drop(
    _ input: Program.Value, _ dropout: DropoutLowering, _ output: Program.Value
  ) -> Tensor {
    let x = value(input)
    let mask = mask(dropout, x.extents)
    onBackward(output) { [self] dy in contribute(mask.map { dy * $0 } ?? dy, to: input) }
    return mask.map { x * $0 } ?? x
  }

  /// 1 / (1 − rate) where an element is kept, else 0; nil for no dropout.
  ///
  /// Elements are numbered in row-major order; their words are those of `DropoutKey.randomWords`.
  func mask(_ dropout: DropoutLowering, _ extents: [Int]) -> Tensor? {
    guard let dropoutKey, dropout.rate > 0 else { return nil }
    let words = Philox4x32(key: dropoutKey, stream: dropout.stream)
      .words(extents.reduce(1, *)).reshaped(to: extents)
    return mask(dropout, words)
  }

  /// 1 / (1 − rate) where the element that a word belongs to is kept, else 0.
  func mask(_ dropout: DropoutLowering, _ words: Tensor) -> Tensor {
    let type = TensorType(.float32, words.extents)
    // The least word that is kept; none is where it is beyond the largest.
    let least = (dropout.rate * 0x1p32).rounded(.up)
    guard least < 0x1p32 else { return function.constant(0, type) }
    let threshold = function.constant(Int(exactly: least) ?? 0, words.type)
    return words.compares(.greaterOrEqual, to: threshold).selecting(
      function.constant(1 / (1 - dropout.rate), type), otherwise: function.constant(0, type))
  }
}

/// Philox-4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) for many
/// counters at once.
package struct Philox4x32 {
  /// Three words: both of the key, and the counter's last.
  private let key: Tensor
  /// The counter's third word.
  private let stream: Int

  package init(key: Tensor, stream: Int) { (self.key, self.stream) = (key, stream) }

  private var function: FunctionBuilder { key.function }

  /// The first words of the stream, four from each of the counters 0, 1, 2 ….
  package func words(_ count: Int) -> Tensor {
    let blocks = (count + 3) / 4
    precondition(blocks <= 1 << 32, "\(count) words of one stream")
    let numbers = function.iota(TensorType(.uint32, [blocks, 1]), axis: 0)
    return Tensor.concatenating(words(ofBlocks: numbers), axis: 1).reshaped(to: [4 * blocks])
      .slice(0..<count, axis: 0)
  }

  /// The four words of each of some counters, which have that shape, too.
  func words(ofBlocks numbers: Tensor) -> [Tensor] {
    let type = numbers.type
    func word(_ index: Int) -> Tensor {
      key.slice(index..<index + 1, axis: 0).reshaped(to: []).broadcast(to: type.extents)
    }
    var (a, b) = (numbers, function.constant(0, type))
    var (c, d) = (function.constant(stream & 0xFFFF_FFFF, type), word(2))
    var (key0, key1) = (word(0), word(1))
    for round in 0..<10 {
      let (p, q) = (products(a, 0xD251_1F53), products(c, 0xCD9E_8D57))
      a = q.high.exclusiveOr(b).exclusiveOr(key0)
      c = p.high.exclusiveOr(d).exclusiveOr(key1)
      (b, d) = (q.low, p.low)
      guard round < 9 else { break }
      key0 = key0 + function.constant(0x9E37_79B9, type)
      key1 = key1 + function.constant(0xBB67_AE85, type)
    }
    return [a, b, c, d]
  }

  /// Both halves of each word's product with a number.
  private func products(_ words: Tensor, _ factor: Int) -> (high: Tensor, low: Tensor) {
    let wide = words.converted(to: .uint64)
    let product = wide * function.constant(factor, wide.type)
    return (product.shiftedRight(by: 32).converted(to: .uint32), product.converted(to: .uint32))
  }
}
