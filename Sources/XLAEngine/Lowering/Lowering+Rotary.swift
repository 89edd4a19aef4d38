// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO

/// Which pairs of a head turn, and how fast.
struct RotaryLowering {
  var embedding: RotaryEmbedding
  var headSize: Int
}

extension Lowering {
  /// Turns the pair (j, j + r / 2) of each head in a slice's columns by position · frequency j.
  ///
  /// Backward, by as much the other way. All other columns are copied.
  func turn(
    _ slice: Program.Slice, _ rotary: RotaryLowering, _ output: Program.Value
  ) -> Tensor {
    let tables = (
      cosine: table(rotary, .cosine), sine: table(rotary, .sine)
    )
    onBackward(output) { [self] dy in
      let back = (cosine: tables.cosine, sine: tables.sine * -1)
      contribute(turn(dy, slice, rotary, by: back), to: slice.value)
    }
    return turn(value(slice.value), slice, rotary, by: tables)
  }

  /// [positions of the batch, pairs].
  private func table(_ rotary: RotaryLowering, _ function: LookupTable.Function) -> Tensor {
    let table = LookupTable(
      function: function, embedding: rotary.embedding, headSize: rotary.headSize,
      positionCount: cache?.capacity ?? batch.sequenceLength)
    let argument = argument(for: table)
    guard let cache else { return argument }
    return argument.slice(at: cache.position, count: batch.sequenceLength, axis: 0)
  }

  private func turn(
    _ x: Tensor, _ slice: Program.Slice, _ rotary: RotaryLowering,
    by tables: (cosine: Tensor, sine: Tensor)
  ) -> Tensor {
    let pairs = tables.cosine.extents[1]
    let (size, end) = (rotary.headSize, slice.offset + slice.width)
    let heads = x.slice(slice.offset..<end, axis: 1).reshaped(
      to: [batch.sequenceCount, batch.sequenceLength, slice.width / size, size])
    let (a, b) = (heads.slice(0..<pairs, axis: 3), heads.slice(pairs..<2 * pairs, axis: 3))
    let cosine = tables.cosine.broadcast(to: a.extents, axes: [1, 3])
    let sine = tables.sine.broadcast(to: a.extents, axes: [1, 3])
    var parts = [a * cosine - b * sine, b * cosine + a * sine]
    if 2 * pairs < size { parts.append(heads.slice(2 * pairs..<size, axis: 3)) }
    let turned = Tensor.concatenating(parts, axis: 3).reshaped(to: [rowCount, slice.width])
    var columns = [turned]
    if slice.offset > 0 { columns.insert(x.slice(0..<slice.offset, axis: 1), at: 0) }
    if end < x.extents[1] { columns.append(x.slice(end..<x.extents[1], axis: 1)) }
    return Tensor.concatenating(columns, axis: 1)
  }
}
