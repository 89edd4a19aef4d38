// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra
import Training

/// Attention, one head of one sequence at a time; the backward pass takes a key/value head with all
/// its query heads, so that each of its sums belongs to one thread.
extension Lowering {
  /// The operands' places in memory.
  private struct Operands {
    var query: Matrix
    var key: Matrix
    var value: Matrix
  }

  mutating func attentionForward(_ index: Int, _ attention: Program.AttentionOperation) throws {
    let qkv = Operands(
      query: slice(attention.query), key: slice(attention.key), value: slice(attention.value))
    let out = makeValue(attention.output)
    let lse = makeMatrix(sequenceCount * attention.headCount, .float32, rows: sequenceLength)
    kept[index] = [lse]
    if purpose == .decoding {
      emitCachedAttention(index, attention, qkv, output: out, logSumExp: lse)
    } else {
      emitAttention(attention, qkv, output: out, logSumExp: lse)
    }
  }

  private func slice(_ slice: Program.Slice) -> Matrix {
    value(slice.value).slice(slice.offset, slice.width)
  }

  private mutating func emitAttention(
    _ attention: Program.AttentionOperation, _ qkv: Operands, output out: Matrix,
    logSumExp lse: Matrix
  ) {
    let shape = shape(attention, qkv, out)
    let workspaceBytes = workspaceBytes(shape, backward: false)
    let workspace = makeMatrix(workspaceBytes / 4, .float32, rows: team.count)
    let (team, length, heads) = (team, sequenceLength, attention.headCount)
    let group = heads / attention.keyValueHeadCount
    let trains = purpose == .training
    emit(
      "attention forward", uses: [qkv.query, qkv.key, qkv.value, out, lse, workspace],
      work: work(of: attention, passes: 1, [qkv.query, qkv.key, qkv.value, out])
    ) { run in
      var shape = shape
      shape.setDropout(trains ? attention : nil, run.dropoutKey)
      team.split(lse.columns) { range, thread in
        let scratch = run.pointer(workspace) + thread * workspaceBytes
        for item in range {
          let (sequence, head) = (item / heads, item % heads)
          run.attend(
            shape, query: qkv.query.at(sequence * length, head, attention.headSize),
            key: run.address(qkv.key.at(sequence * length, head / group, attention.headSize)),
            value: run.address(qkv.value.at(sequence * length, head / group, attention.headSize)),
            out: out.at(sequence * length, head, attention.headSize),
            lse: run.floats(lse) + item * length, head: item, scratch)
        }
      }
    }
  }

  /// What attention has to do: the products of queries and the keys that they may see.
  private func work(
    of attention: Program.AttentionOperation, passes: Double, _ matrices: [Matrix]
  ) -> Profiler.Work {
    let count = Program.Operation.attention(attention).floatingPointOperations(
      program.parameters, sequenceLength: sequenceLength, attention: .causal)
    return Profiler.Work(
      floatingPointOperations: passes * count.attention * Double(rowCount),
      bytes: bytes(of: matrices))
  }

  /// One sequence's new rows against all rows so far, whose keys and values the cache keeps.
  private mutating func emitCachedAttention(
    _ index: Int, _ attention: Program.AttentionOperation, _ qkv: Operands, output out: Matrix,
    logSumExp lse: Matrix
  ) {
    var shape = shape(attention, qkv, out)
    shape.key_rows = positionCount
    let workspaceBytes = workspaceBytes(shape, backward: false)
    let workspace = makeMatrix(workspaceBytes / 4, .float32, rows: team.count)
    let (team, rows, heads, size) = (team, rowCount, attention.headCount, attention.headSize)
    let group = heads / attention.keyValueHeadCount
    emit(
      "attention forward", uses: [qkv.query, qkv.key, qkv.value, out, lse, workspace]
    ) { run in
      guard let cache = run.cache else { preconditionFailure("decoding without a cache") }
      let keys = try run.append(qkv.key, rows: rows, to: cache, attention: index, part: 0)
      let values = try run.append(qkv.value, rows: rows, to: cache, attention: index, part: 1)
      var shape = shape
      shape.key_rows = run.firstPosition + rows
      shape.ldk = qkv.key.columns
      shape.ldv = qkv.value.columns
      let headBytes = size * out.type.byteWidth
      team.split(heads) { range, thread in
        for head in range {
          run.attend(
            shape, query: qkv.query.at(0, head, size), key: keys + head / group * headBytes,
            value: values + head / group * headBytes, out: out.at(0, head, size),
            lse: run.floats(lse) + head * rows, head: head,
            run.pointer(workspace) + thread * workspaceBytes)
        }
      }
    }
  }

  mutating func attentionBackward(_ index: Int, _ attention: Program.AttentionOperation) {
    guard let lse = kept[index]?[0] else { return }
    let dout = gradientOperand(attention.output)
    let qkv = Operands(
      query: slice(attention.query), key: slice(attention.key), value: slice(attention.value))
    let gradient = Operands(
      query: gradientSlice(attention.query), key: gradientSlice(attention.key),
      value: gradientSlice(attention.value))
    let out = value(attention.output)
    precondition(
      gradient.query.stride == qkv.query.stride && gradient.key.stride == qkv.key.stride
        && gradient.value.stride == qkv.value.stride && dout.stride == out.stride,
      "gradients lie as their values do")

    let shape = shape(attention, qkv, out)
    let workspaceBytes = workspaceBytes(shape, backward: true)
    let workspace = makeMatrix(workspaceBytes / 4, .float32, rows: team.count)
    let (team, length, size) = (team, sequenceLength, attention.headSize)
    let (heads, keyHeads) = (attention.headCount, attention.keyValueHeadCount)
    let group = heads / keyHeads
    emit(
      "attention backward",
      uses: [
        qkv.query, qkv.key, qkv.value, out, lse, dout, gradient.query, gradient.key,
        gradient.value, workspace,
      ],
      work: work(
        of: attention, passes: 2,
        [
          qkv.query, qkv.key, qkv.value, out, dout, gradient.query, gradient.key, gradient.value,
        ])
    ) { run in
      var shape = shape
      shape.setDropout(attention, run.dropoutKey)
      team.split(keyHeads * (lse.columns / heads)) { range, thread in
        for item in range {
          let (sequence, head) = (item / keyHeads, item % keyHeads)
          let row = sequence * length
          let firstHead = sequence * heads + head * group
          run.attendBackward(
            shape, query: qkv.query.at(row, head * group, size), key: qkv.key.at(row, head, size),
            value: qkv.value.at(row, head, size), out: out.at(row, head * group, size),
            lse: run.floats(lse) + firstHead * length, dout: dout.at(row, head * group, size),
            dquery: gradient.query.at(row, head * group, size),
            dkey: gradient.key.at(row, head, size), dvalue: gradient.value.at(row, head, size),
            firstHead: firstHead, run.pointer(workspace) + thread * workspaceBytes)
        }
      }
    }
  }

  /// Where a slice's gradient goes; slices of one value are disjoint and cover it.
  private mutating func gradientSlice(_ slice: Program.Slice) -> Matrix {
    let whole = gradients[slice.value] ?? contribution(to: slice.value).matrix
    return whole.slice(slice.offset, slice.width)
  }

  private func shape(
    _ attention: Program.AttentionOperation, _ qkv: Operands, _ out: Matrix
  ) -> ck_attention {
    ck_attention(
      query_rows: sequenceLength, key_rows: sequenceLength, head_size: attention.headSize,
      group: attention.headCount / attention.keyValueHeadCount, ldq: qkv.query.stride,
      ldk: qkv.key.stride, ldv: qkv.value.stride, ldo: out.stride,
      causal: attention.causal ? 1 : 0, window: attention.window ?? 0,
      scale: Float(attention.scale), dropout: 0,
      random: ck_random())
  }

  private func workspaceBytes(_ shape: ck_attention, backward: Bool) -> Int {
    var shape = shape
    let isBF16: Int32 = operandType == .bfloat16 ? 1 : 0
    return (ck_attention_workspace(&shape, backward ? 1 : 0, isBF16) + 63) & ~63
  }
}

extension Matrix {
  /// The element at a row and a head's first column.
  fileprivate func at(_ row: Int, _ head: Int, _ headSize: Int) -> Matrix {
    var matrix = self
    matrix.offset += row * stride + head * headSize
    return matrix
  }
}

extension ck_attention {
  /// Turns the operation's dropout on.
  fileprivate mutating func setDropout(
    _ attention: Program.AttentionOperation?, _ key: DropoutKey
  ) {
    guard let attention, attention.dropout > 0 else { return }
    dropout = attention.dropout
    random = key.random(stream: attention.dropoutStream)
  }
}

extension Execution {
  fileprivate func address(_ matrix: Matrix) -> UnsafeRawPointer {
    UnsafeRawPointer(pointer(matrix))
  }

  fileprivate func attend(
    _ shape: ck_attention, query: Matrix, key: UnsafeRawPointer, value: UnsafeRawPointer,
    out: Matrix, lse: UnsafeMutablePointer<Float>, head: Int, _ workspace: UnsafeMutableRawPointer
  ) {
    var shape = shape
    if query.type == .float32 {
      ck_attention_forward_f32(
        &shape, floats(query), key.assumingMemoryBound(to: Float.self),
        value.assumingMemoryBound(to: Float.self), floats(out), lse, UInt64(head), workspace)
    } else {
      ck_attention_forward_bf16(
        &shape, halves(query), key.assumingMemoryBound(to: ck_bf16.self),
        value.assumingMemoryBound(to: ck_bf16.self), halves(out), lse, UInt64(head), workspace)
    }
  }

  fileprivate func attendBackward(
    _ shape: ck_attention, query: Matrix, key: Matrix, value: Matrix, out: Matrix,
    lse: UnsafePointer<Float>, dout: Matrix, dquery: Matrix, dkey: Matrix, dvalue: Matrix,
    firstHead: Int, _ workspace: UnsafeMutableRawPointer
  ) {
    var shape = shape
    if query.type == .float32 {
      ck_attention_backward_f32(
        &shape, floats(query), floats(key), floats(value), floats(out), lse, floats(dout),
        floats(dquery), floats(dkey), floats(dvalue), UInt64(firstHead), workspace)
    } else {
      ck_attention_backward_bf16(
        &shape, halves(query), halves(key), halves(value), halves(out), lse, halves(dout),
        halves(dquery), halves(dkey), halves(dvalue), UInt64(firstHead), workspace)
    }
  }

  /// Adds rows to a cache behind the earlier positions and returns the cache's first row.
  fileprivate func append(
    _ matrix: Matrix, rows: Int, to cache: KeyValueCache, attention: Int, part: Int
  ) throws -> UnsafeRawPointer {
    let rowBytes = matrix.columns * matrix.type.byteWidth
    let base = try cache.rows(attention: attention, part: part, rowBytes: rowBytes)
    for row in 0..<rows {
      (base + (firstPosition + row) * rowBytes).copyMemory(
        from: pointer(matrix) + row * matrix.stride * matrix.type.byteWidth, byteCount: rowBytes)
    }
    return UnsafeRawPointer(base)
  }
}
