// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra

/// The head with its loss, some rows at a time: the whole batch's logits never exist.
///
/// In training each chunk's gradients follow its loss at once, while its logits are in the cache.
extension Lowering {
  mutating func headForward(_ index: Int) throws {
    guard case .head(let input, let weight, let scale) = operations[index] else { return }
    let head = Head(
      input: operand(input), weight: weight, scale: Float(scale),
      vocabulary: program.vocabularySize)
    switch purpose {
    case .training: try trainingHead(head, input)
    case .scoring: try scoringHead(head)
    case .logits: try logitsHead(head, rows: 0..<rowCount)
    case .decoding: try logitsHead(head, rows: rowCount - 1..<rowCount)
    }
  }

  private struct Head {
    var input: Matrix
    var weight: Program.Parameter
    var scale: Float
    var vocabulary: Int

    /// The input from a row on.
    func rows(from row: Int) -> Matrix {
      var matrix = input
      matrix.offset += row * matrix.stride
      return matrix
    }
  }

  /// Rows of one chunk.
  ///
  /// Each chunk reads and writes the weight's whole gradient, so few large ones are fast; their
  /// logits are what a step holds at its widest, so they stay near 100 MB.
  private func chunkSize(_ vocabulary: Int) -> Int {
    let rows = min(1024, (26 << 20) / vocabulary) & ~63
    return min(rowCount, max(128, rows))
  }

  private func chunks(_ vocabulary: Int) -> [Range<Int>] {
    let size = chunkSize(vocabulary)
    return stride(from: 0, to: rowCount, by: size).map { $0..<min($0 + size, rowCount) }
  }

  private mutating func trainingHead(_ head: Head, _ input: Program.Value) throws {
    let dx = contribution(to: input).matrix
    let rows = chunkSize(head.vocabulary)
    let logits = makeMatrix(head.vocabulary, .float32, rows: rows)
    let gradient =
      operandType == .bfloat16 ? makeMatrix(head.vocabulary, .bfloat16, rows: rows) : logits
    let losses = makeMatrix(1, .float32)
    results = (losses, losses)
    var overwrites = !touch(head.weight)
    for chunk in chunks(head.vocabulary) {
      try emitLogits(head, chunk, logits)
      emitLoss(head, rows: chunk, logits: logits, gradient: gradient, losses: losses)
      try emitInputGradient(head, rows: chunk, gradient: gradient, into: dx)
      try emitWeightGradient(head, chunk, gradient, overwrites: overwrites)
      overwrites = false
    }
  }

  private mutating func emitLogits(_ head: Head, _ rows: Range<Int>, _ logits: Matrix) throws {
    let x = head.rows(from: rows.lowerBound)
    let product = MatrixProduct(
      rows: rows.count, columns: head.vocabulary, depth: x.columns, a: x.operand(),
      b: .init(type: operandType, stride: x.columns, isTransposed: true), c: logits.operand())
    let prepared = try library.prepare(product, accumulates: false)
    let (store, weight) = (store, head.weight)
    emit("head product", uses: [x, logits], work: product.work) { run in
      try prepared.run(run.pointer(x), store.operand(weight), run.pointer(logits), bias: nil)
    }
  }

  private mutating func emitLoss(
    _ head: Head, rows: Range<Int>, logits: Matrix, gradient: Matrix, losses: Matrix
  ) {
    let (team, first) = (team, rows.lowerBound)
    emit("head loss", uses: [logits, gradient, losses]) { run in
      team.split(rows.count) { range, _ in
        let targets = run.targets + first
        let out = run.floats(losses) + first
        if gradient.type == .float32 {
          ck_cross_entropy_f32(
            run.floats(logits), targets, head.scale, run.lossWeight, out, head.vocabulary,
            range.lowerBound, range.upperBound)
        } else {
          ck_cross_entropy_bf16(
            run.floats(logits), run.halves(gradient), targets, head.scale, run.lossWeight, out,
            head.vocabulary, range.lowerBound, range.upperBound)
        }
      }
    }
  }

  private mutating func emitInputGradient(
    _ head: Head, rows: Range<Int>, gradient: Matrix, into dx: Matrix
  ) throws {
    var target = dx
    target.offset += rows.lowerBound * dx.stride
    let product = MatrixProduct(
      rows: rows.count, columns: dx.columns, depth: head.vocabulary, a: gradient.operand(),
      b: .init(type: operandType, stride: dx.columns), c: target.operand())
    let prepared = try library.prepare(product, accumulates: false)
    let (store, weight, out) = (store, head.weight, target)
    emit("head dx", uses: [gradient, dx], work: product.work) { run in
      try prepared.run(run.pointer(gradient), store.operand(weight), run.pointer(out), bias: nil)
    }
  }

  private mutating func emitWeightGradient(
    _ head: Head, _ rows: Range<Int>, _ gradient: Matrix, overwrites: Bool
  ) throws {
    let x = head.rows(from: rows.lowerBound)
    let product = MatrixProduct(
      rows: head.vocabulary, columns: x.columns, depth: rows.count,
      a: gradient.operand(transposed: true), b: x.operand(),
      c: .init(type: .float32, stride: x.columns))
    let fresh = try library.prepare(product, accumulates: false)
    let adding = try library.prepare(product, accumulates: true)
    let (store, weight) = (store, head.weight)
    emit("head dW", uses: [gradient, x], work: product.work) { run in
      let prepared = overwrites && !run.accumulates ? fresh : adding
      try prepared.run(
        run.pointer(gradient), run.pointer(x), UnsafeMutableRawPointer(store.gradient(weight)),
        bias: nil)
    }
  }

  private mutating func scoringHead(_ head: Head) throws {
    let logits = makeMatrix(head.vocabulary, .float32, rows: chunkSize(head.vocabulary))
    let scores = makeMatrix(1, .float32)
    let greedy = makeMatrix(1, .float32)
    results = (scores, greedy)
    for chunk in chunks(head.vocabulary) {
      try emitLogits(head, chunk, logits)
      let (team, first) = (team, chunk.lowerBound)
      emit("head score", uses: [logits, scores, greedy]) { run in
        let isGreedy = run.pointer(greedy).assumingMemoryBound(to: UInt8.self) + first
        team.split(chunk.count) { range, _ in
          ck_score(
            run.floats(logits), run.targets + first, head.scale, run.floats(scores) + first,
            isGreedy, head.vocabulary, range.lowerBound, range.upperBound)
        }
      }
    }
  }

  /// Writes rows' logits where the caller of the run wants them.
  private mutating func logitsHead(_ head: Head, rows: Range<Int>) throws {
    let x = head.rows(from: rows.lowerBound)
    let product = MatrixProduct(
      rows: rows.count, columns: head.vocabulary, depth: x.columns, a: x.operand(),
      b: .init(type: operandType, stride: x.columns, isTransposed: true),
      c: .init(type: .float32, stride: head.vocabulary))
    let prepared = try library.prepare(product, accumulates: false)
    let (store, weight, scale, count) = (
      store, head.weight, head.scale, rows.count * head.vocabulary
    )
    emit("head product", uses: [x], work: product.work) { run in
      guard let target = run.logits else { preconditionFailure("no place for the logits") }
      try prepared.run(
        run.pointer(x), store.operand(weight), UnsafeMutableRawPointer(target), bias: nil)
      if scale != 1 {
        for element in 0..<count { target[element] *= scale }
      }
    }
  }
}
