// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO

// Attention of long sequences, whose weights never all exist (Dao et al., "FlashAttention", arXiv 2205.14135):
// for each block of queries, blocks of keys one after the other. What is kept of a query is its output and
// the logarithm of its softmax's divisor, from which the way back computes each block of weights again.
//
// Legend: N = B · key/value heads, G query heads of each of them, P positions in whole blocks, b positions of
// a block, D width of a head.

extension Lowering {
  func attendInBlocks(_ attention: Program.AttentionOperation) -> Tensor {
    let blocks = BlockedAttention(self, attention)
    let query = blocks.inBlocks(queries: value(attention.query))
    let key = blocks.inBlocks(keys: value(attention.key))
    let values = blocks.inBlocks(keys: value(attention.value))
    let (out, logarithms) = blocks.forward(query, key, values)
    // With D(t) = Σ out(t) dout(t), which is Σ p dp: ds = p · (dp − D).
    onBackward(attention.output) { [self] dy in
      let dout = blocks.padded(queries: dy)
      let means = (dout * out).sum(over: [3])
      let gradients = blocks.backward(
        (query, key, values), logarithms: logarithms, dout: operand(dout), means: means)
      contribute(blocks.rows(queries: gradients.query), to: attention.query)
      contribute(blocks.rows(keys: gradients.key), to: attention.key)
      contribute(blocks.rows(keys: gradients.values), to: attention.value)
    }
    return blocks.rows(queries: out)
  }
}

/// One attention in blocks.
private struct BlockedAttention {
  private let lowering: Lowering
  private let attention: Program.AttentionOperation
  private let (products, groups, length): (Int, Int, Int)
  private let size: Int
  private let count: Int
  private let dropout: DropoutLowering

  private var function: FunctionBuilder { lowering.function }
  private var filled: Int { count * size }
  private let scalar = TensorType(.int32)

  init(_ lowering: Lowering, _ attention: Program.AttentionOperation) {
    (self.lowering, self.attention) = (lowering, attention)
    products = lowering.batch.sequenceCount * attention.keyValueHeadCount
    groups = attention.headCount / attention.keyValueHeadCount
    length = lowering.batch.sequenceLength
    size = lowering.options.attention.size
    count = (length + size - 1) / size
    dropout = DropoutLowering(rate: attention.dropout, stream: attention.dropoutStream)
  }
}

// MARK: Layouts

extension BlockedAttention {
  /// Rows as [N, G, P, D], with zeros behind the last position.
  func padded(queries: Tensor) -> Tensor {
    lowering.queries(queries, attention)
      .reshaped(to: [products, groups, length, attention.headSize])
      .padded(after: filled - length, axis: 2)
  }

  /// The same as products read it.
  func inBlocks(queries: Tensor) -> Tensor { lowering.operand(padded(queries: queries)) }

  /// Rows as [N, P, D], as products read it.
  func inBlocks(keys: Tensor) -> Tensor {
    lowering.operand(
      lowering.keys(keys, attention).padded(after: filled - length, axis: 1))
  }

  func rows(queries: Tensor) -> Tensor {
    lowering.rows(
      queries: queries.slice(0..<length, axis: 2)
        .reshaped(to: [products, groups * length, attention.headSize]), attention)
  }

  func rows(keys: Tensor) -> Tensor {
    lowering.rows(keys: keys.slice(0..<length, axis: 1), attention)
  }

  private func start(_ block: Tensor) -> Tensor { block * function.constant(size, scalar) }

  /// A block of queries, [N, G · b, D].
  private func queries(_ all: Tensor, _ block: Tensor) -> Tensor {
    all.slice(at: start(block), count: size, axis: 2)
      .reshaped(to: [products, groups * size, attention.headSize])
  }

  /// A block of keys or values, [N, b, D].
  private func keys(_ all: Tensor, _ block: Tensor) -> Tensor {
    all.slice(at: start(block), count: size, axis: 1)
  }

  /// One number of each query of a block, [N, G, b].
  private func numbers(_ all: Tensor, _ block: Tensor) -> Tensor {
    all.slice(at: start(block), count: size, axis: 2)
  }

  /// [N, G, b, b].
  private var weightExtents: [Int] { [products, groups, size, size] }

  private func spread(_ numbers: Tensor, _ last: Int) -> Tensor {
    numbers.broadcast(to: [products, groups, size, last], axes: [0, 1, 2])
  }

  private func flat(_ weights: Tensor) -> Tensor {
    weights.reshaped(to: [products, groups * size, size])
  }
}

// MARK: Forward

extension BlockedAttention {
  /// The output, [N, G, P, D], and log Σ exp(scores) of each query, [N, G, P].
  func forward(
    _ query: Tensor, _ key: Tensor, _ values: Tensor
  ) -> (output: Tensor, logarithms: Tensor) {
    let outputs = TensorType(.float32, [products, groups, filled, attention.headSize])
    let numbers = TensorType(.float32, [products, groups, filled])
    let start = [function.constant(0, outputs), function.constant(0, numbers)]
    let results = function.loop(count, start + [query, key, values] + key0) { block, carried in
      let (query, key, values) = (carried[2], carried[3], carried[4])
      let made = forward(
        queries(query, block), key, values, block: block, dropoutKey: carried.dropFirst(5).first)
      let first = self.start(block)
      return [
        carried[0].replacing(made.output, at: first, axis: 2),
        carried[1].replacing(made.logarithms, at: first, axis: 2),
      ] + carried[2...]
    }
    return (results[0], results[1])
  }

  /// The dropout's key, which loops carry along; none where nothing is dropped.
  private var key0: [Tensor] { lowering.dropoutKey.map { [$0] } ?? [] }

  /// One block of queries over all its blocks of keys.
  private func forward(
    _ query: Tensor, _ key: Tensor, _ values: Tensor, block: Tensor, dropoutKey: Tensor?
  ) -> (output: Tensor, logarithms: Tensor) {
    let numbers = TensorType(.float32, [products, groups, size])
    let sums = TensorType(.float32, [products, groups, size, attention.headSize])
    // Below any score, and not infinite: a difference of infinities is no number.
    let start = [
      function.constant(-1e30, numbers), function.constant(0, numbers),
      function.constant(0, sums),
    ]
    let passed = [query, key, values, block] + (dropoutKey.map { [$0] } ?? [])
    let made = function.loop(keyBlocks(of: block), start + passed) { keyBlock, carried in
      let (largest, divisor, sum) = (carried[0], carried[1], carried[2])
      let (query, block) = (carried[3], carried[6])
      let scores = scores(query, keys(carried[4], keyBlock), (block, keyBlock))
      let next = largest.maximum(scores.largest(over: [3]))
      let powers = (scores - spread(next, size)).exponential()
      let shrinking = (largest - next).exponential()
      let mask = mask((block, keyBlock), carried.dropFirst(7).first)
      let thinned = lowering.operand(flat(mask.map { powers * $0 } ?? powers))
      let part = thinned.product(
        keys(carried[5], keyBlock), .init(batch: [(0, 0)], summed: [(2, 1)])
      ).reshaped(to: sums.extents)
      return [
        next, divisor * shrinking + powers.sum(over: [3]),
        sum * spread(shrinking, attention.headSize) + part,
      ] + carried[3...]
    }
    return (
      made[2] / spread(made[1], attention.headSize), made[0] + made[1].logarithm()
    )
  }

  /// scale · q·k, [N, G, b, b]; −∞ where the query does not see the key.
  private func scores(
    _ query: Tensor, _ key: Tensor, _ block: (query: Tensor, key: Tensor)
  ) -> Tensor {
    let scores =
      query.product(key, .init(batch: [(0, 0)], summed: [(2, 2)])).reshaped(to: weightExtents)
      * attention.scale
    guard let mask = visibility(block) else { return scores }
    return mask.broadcast(to: weightExtents, axes: [2, 3])
      .selecting(scores, otherwise: -.infinity)
  }

  /// The first block of keys that a block of queries sees, and the one behind the last.
  private func keyBlocks(of block: Tensor) -> (first: Tensor, end: Tensor) {
    let (zero, one) = (function.constant(0, scalar), function.constant(1, scalar))
    let end = attention.causal ? block + one : function.constant(count, scalar)
    guard let window = attention.window else { return (zero, end) }
    guard attention.causal else {
      return (function.constant(max(0, length - window) / size, scalar), end)
    }
    // The earliest key of the block's first query.
    let earliest = start(block) - function.constant(min(window, filled) - 1, scalar)
    return (earliest.maximum(zero) / function.constant(size, scalar), end)
  }

  /// Whether a query of a block sees a key of another, [b, b]; nil where all see all.
  private func visibility(_ block: (query: Tensor, key: Tensor)) -> Tensor? {
    let type = TensorType(.int32, [size, size])
    func positions(_ block: Tensor, axis: Int) -> Tensor {
      function.iota(type, axis: axis) + start(block).broadcast(to: type.extents)
    }
    let key = positions(block.key, axis: 1)
    guard attention.causal || attention.window != nil || filled > length else { return nil }
    // Without a mask of the future the window ends with the last key.
    let last =
      attention.causal
      ? positions(block.query, axis: 0) : function.constant(length - 1, type)
    var mask = key.compares(.lessOrEqual, to: last)
    if let window = attention.window {
      mask = mask.and(
        key.compares(.greater, to: last - function.constant(min(window, filled), type)))
    }
    return mask
  }
}

// MARK: Backward

extension BlockedAttention {
  /// Gradients by queries, [N, G, P, D], keys and values, [N, P, D].
  func backward(
    _ operands: (query: Tensor, key: Tensor, values: Tensor), logarithms: Tensor, dout: Tensor,
    means: Tensor
  ) -> (query: Tensor, key: Tensor, values: Tensor) {
    let queryType = TensorType(.float32, operands.query.extents)
    let keyType = TensorType(.float32, operands.key.extents)
    let start = [queryType, keyType, keyType].map { function.constant(0, $0) }
    let passed =
      [operands.query, operands.key, operands.values, logarithms, dout, means] + key0
    let results = function.loop(count, start + passed) { block, carried in
      let made = backward(block, Array(carried[1...]))
      let dquery = made[0].reshaped(to: [products, groups, size, attention.headSize])
      return [carried[0].replacing(dquery, at: self.start(block), axis: 2)]
        + made[1...2] + carried[3...]
    }
    return (results[0], results[1], results[2])
  }

  /// One block of queries over all its blocks of keys: its own gradient, and those of all keys and values.
  private func backward(_ block: Tensor, _ carried: [Tensor]) -> [Tensor] {
    let own = TensorType(.float32, [products, groups * size, attention.headSize])
    let passed =
      [
        queries(carried[2], block), carried[3], carried[4], numbers(carried[5], block),
        queries(carried[6], block), numbers(carried[7], block), block,
      ] + carried[8...]
    let start = [function.constant(0, own), carried[0], carried[1]]
    return function.loop(keyBlocks(of: block), start + passed) { keyBlock, carried in
      let (dquery, dkey, dvalues) = (carried[0], carried[1], carried[2])
      let (query, logarithms, dout, means) = (carried[3], carried[6], carried[7], carried[8])
      let (key, values) = (keys(carried[4], keyBlock), keys(carried[5], keyBlock))
      let places = (query: carried[9], key: keyBlock)
      let mask = mask(places, carried.dropFirst(10).first)
      let weights = (scores(query, key, places) - spread(logarithms, size)).exponential()
      let thinned = lowering.operand(flat(mask.map { weights * $0 } ?? weights))
      let dthinned = dout.product(values, .init(batch: [(0, 0)], summed: [(2, 2)]))
        .reshaped(to: weightExtents)
      let dweights = mask.map { dthinned * $0 } ?? dthinned
      let dscores = lowering.operand(
        flat(weights * (dweights - spread(means, size)) * attention.scale))
      let first = self.start(keyBlock)
      func adding(_ part: Tensor, to all: Tensor) -> Tensor {
        all.replacing(keys(all, keyBlock) + part, at: first, axis: 1)
      }
      return [
        dquery + dscores.product(key, .init(batch: [(0, 0)], summed: [(2, 1)])),
        adding(summedOverQueries(dscores, query), to: dkey),
        adding(summedOverQueries(thinned, dout), to: dvalues),
      ] + carried[3...]
    }
  }

  /// [N, b, D] of [N, G · b, b] and [N, G · b, D].
  private func summedOverQueries(_ weights: Tensor, _ queries: Tensor) -> Tensor {
    weights.product(queries, .init(batch: [(0, 0)], summed: [(1, 1)]))
  }
}

// MARK: Dropout

extension BlockedAttention {
  /// The dropout's mask of a block of weights: the numbers of the whole [N, G, T, T].
  private func mask(_ block: (query: Tensor, key: Tensor), _ dropoutKey: Tensor?) -> Tensor? {
    guard let dropoutKey, dropout.rate > 0 else { return nil }
    let philox = Philox4x32(key: dropoutKey, stream: dropout.stream)
    // Where rows of weights are whole blocks of four words, each counter serves four neighbours.
    let step = length % 4 == 0 && size % 4 == 0 ? 4 : 1
    let columns = size / step
    let type = TensorType(.uint64, [products, groups, size, columns])
    func count(_ axis: Int, _ factor: Int) -> Tensor {
      function.iota(type, axis: axis) * function.constant(factor, type)
    }
    func start(_ block: Tensor, _ factor: Int) -> Tensor {
      (self.start(block).converted(to: .uint64)
        * function.constant(factor, TensorType(.uint64))).broadcast(to: type.extents)
    }
    let numbers =
      count(0, groups * length * length) + count(1, length * length) + count(2, length)
      + count(3, step) + start(block.query, length) + start(block.key, 1)
    let flat = numbers.reshaped(to: [numbers.type.elementCount, 1])
    let words = philox.words(ofBlocks: flat.shiftedRight(by: 2).converted(to: .uint32))
    guard step == 1 else {
      return lowering.mask(
        dropout, Tensor.concatenating(words, axis: 1).reshaped(to: weightExtents))
    }
    let lane = flat.and(function.constant(3, flat.type))
    let word = (1..<4).reduce(words[0]) { word, index in
      lane.compares(.equal, to: function.constant(index, lane.type))
        .selecting(words[index], otherwise: word)
    }
    return lowering.mask(dropout, word.reshaped(to: weightExtents))
  }
}
