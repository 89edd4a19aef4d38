// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO

// Scaled dot-product attention of each sequence: with scores s = scale · q·k, weights p = softmax(s),
// thinned weights a = p · mask, out = a v.
//
// Legend: N = B · key/value heads, G query heads of each of them, S keys, D width of a head. Products are of
// three axes, the first one their batch, which is how libraries want them.

extension Lowering {
  func attend(_ attention: Program.AttentionOperation) -> Tensor {
    if cache == nil, batch.sequenceLength > options.attention.longestWhole {
      return attendInBlocks(attention)
    }
    let query = operand(queries(value(attention.query), attention))
    var key = keys(value(attention.key), attention)
    var values = keys(value(attention.value), attention)
    if let cache { (key, values) = cache.appending(key, values) }
    (key, values) = (operand(key), operand(values))

    let weights = weights(query, key, attention)
    let dropout = DropoutLowering(rate: attention.dropout, stream: attention.dropoutStream)
    let mask = mask(dropout, weights.extents)
    let thinned = operand(flat(mask.map { weights * $0 } ?? weights))
    let batch: [(left: Int, right: Int)] = [(0, 0)]
    // da = dout vᵀ, dp = da · mask, ds = p · (dp − Σ p dp);
    // dv = aᵀ dout, dq = scale ds k, dk = scale dsᵀ q.
    onBackward(attention.output) { [self] dy in
      let dout = operand(queries(dy, attention))
      let dthinned = dout.product(values, .init(batch: batch, summed: [(2, 2)]))
        .reshaped(to: weights.extents)
      let dweights = mask.map { dthinned * $0 } ?? dthinned
      let mean = (weights * dweights).sum(over: [3]).broadcast(
        to: weights.extents, axes: [0, 1, 2])
      let dscores = operand(flat(weights * (dweights - mean) * attention.scale))
      let dquery = dscores.product(key, .init(batch: batch, summed: [(2, 1)]))
      contribute(rows(queries: dquery, attention), to: attention.query)
      contribute(
        summedOverQueries(dscores, value(attention.query), attention), to: attention.key)
      contribute(summedOverQueries(thinned, dy, attention), to: attention.value)
    }
    let out = thinned.product(values, .init(batch: batch, summed: [(2, 1)]))
    return rows(queries: out, attention)
  }

  /// Rows of keys: the sum over all queries of a weight for each key, [N, G · T, S], times the query's row.
  private func summedOverQueries(
    _ weights: Tensor, _ queryRows: Tensor, _ attention: Program.AttentionOperation
  ) -> Tensor {
    guard options.arrangesFactors else {
      let factor = operand(queries(queryRows, attention))
      return rows(
        keys: weights.product(factor, .init(batch: [(0, 0)], summed: [(1, 1)])), attention)
    }
    // Queries stand along the columns of the left factor: [N, D, G · T] and then [N, D, S].
    let (shape, keys) = (HeadShape(attention, batch), HeadShape(attention, batch).keyRows)
    let queryCount = shape.groups * batch.sequenceLength
    let factor = operand(
      queryRows.reshaped(to: shape.queryRows).transposed([0, 2, 4, 3, 1])
        .reshaped(to: [shape.products, attention.headSize, queryCount]))
    return factor.product(weights, .init(batch: [(0, 0)], summed: [(2, 1)]))
      .reshaped(to: [keys[0], keys[2], keys[3], keys[1]]).transposed([0, 3, 1, 2])
      .reshaped(to: [rowCount, keys[2] * keys[3]])
  }

  /// softmax(scale · q·k) over the keys that a query sees, [N, G, T, S]; zero for all others.
  private func weights(
    _ query: Tensor, _ key: Tensor, _ attention: Program.AttentionOperation
  ) -> Tensor {
    let scores = query.product(key, .init(batch: [(0, 0)], summed: [(2, 2)])) * attention.scale
    let length = batch.sequenceLength
    let extents = [
      scores.extents[0], scores.extents[1] / length, length, scores.extents[2],
    ]
    var seen = scores.reshaped(to: extents)
    if let mask = visibility(attention, keyCount: extents[3]) {
      seen = mask.broadcast(to: extents, axes: [2, 3]).selecting(seen, otherwise: -.infinity)
    }
    let largest = seen.largest(over: [3]).broadcast(to: extents, axes: [0, 1, 2])
    let powers = (seen - largest).exponential()
    return powers / powers.sum(over: [3]).broadcast(to: extents, axes: [0, 1, 2])
  }

  /// Whether a query sees a key, [T, S]; nil where all see all.
  private func visibility(
    _ attention: Program.AttentionOperation, keyCount: Int
  ) -> Tensor? {
    guard attention.causal || attention.window != nil else { return nil }
    let type = TensorType(.int32, [batch.sequenceLength, keyCount])
    let key = function.iota(type, axis: 1)
    var query = function.iota(type, axis: 0)
    if let cache { query = query + cache.position.broadcast(to: type.extents) }
    // Without a mask of the future the window ends with the last key.
    let last = attention.causal ? query : function.constant(keyCount - 1, type)
    var mask = key.compares(.lessOrEqual, to: last)
    if let window = attention.window {
      mask = mask.and(
        key.compares(.greater, to: last - function.constant(window, type)))
    }
    return mask
  }

  /// [N, G, T, S] as [N, G · T, S].
  private func flat(_ weights: Tensor) -> Tensor {
    let extents = weights.extents
    return weights.reshaped(to: [extents[0], extents[1] * extents[2], extents[3]])
  }

  /// Rows of query heads as [N, G · T, D].
  func queries(_ rows: Tensor, _ attention: Program.AttentionOperation) -> Tensor {
    let shape = HeadShape(attention, batch)
    return rows.reshaped(to: shape.queryRows).transposed([0, 2, 3, 1, 4])
      .reshaped(to: [shape.products, shape.groups * batch.sequenceLength, attention.headSize])
  }

  /// Rows of key or value heads as [N, T, D].
  func keys(_ rows: Tensor, _ attention: Program.AttentionOperation) -> Tensor {
    let shape = HeadShape(attention, batch)
    return rows.reshaped(to: shape.keyRows).transposed([0, 2, 1, 3])
      .reshaped(to: [shape.products, batch.sequenceLength, attention.headSize])
  }

  func rows(queries: Tensor, _ attention: Program.AttentionOperation) -> Tensor {
    let shape = HeadShape(attention, batch)
    let rows = shape.queryRows
    return queries.reshaped(to: [rows[0], rows[2], rows[3], rows[1], rows[4]])
      .transposed([0, 3, 1, 2, 4]).reshaped(to: [rowCount, rows[2] * rows[3] * rows[4]])
  }

  func rows(keys: Tensor, _ attention: Program.AttentionOperation) -> Tensor {
    let rows = HeadShape(attention, batch).keyRows
    return keys.reshaped(to: [rows[0], rows[2], rows[1], rows[3]]).transposed([0, 2, 1, 3])
      .reshaped(to: [rowCount, rows[2] * rows[3]])
  }
}

/// The extents of an attention's heads.
private struct HeadShape {
  /// [B, T, key/value heads, G, D].
  var queryRows: [Int]
  /// [B, T, key/value heads, D].
  var keyRows: [Int]
  var products: Int
  var groups: Int

  init(_ attention: Program.AttentionOperation, _ batch: BatchShape) {
    let heads = attention.keyValueHeadCount
    groups = attention.headCount / heads
    products = batch.sequenceCount * heads
    keyRows = [batch.sequenceCount, batch.sequenceLength, heads, attention.headSize]
    queryRows = [
      batch.sequenceCount, batch.sequenceLength, heads, groups, attention.headSize,
    ]
  }
}
