// SPDX-License-Identifier: Apache-2.0
import CKernels
import LinearAlgebra
import Training

/// Muon's update of one matrix, as ``MuonUpdate`` writes it: products by the matrix library, in
/// bfloat16 with sums in float32, or in float32.
final class MuonKernel {
  private let team: ThreadTeam
  private let library: any MatrixLibrary
  private let operand: ElementType
  private var memory: [Room: AlignedMemory] = [:]

  /// What working memory is for.
  private enum Room { case matrix, next, gram, square, halfMatrix, halfGram }

  init(team: ThreadTeam, library: any MatrixLibrary, usesBFloat16: Bool) {
    self.team = team
    self.library = library
    operand = usesBFloat16 ? .bfloat16 : .float32
  }

  /// Updates value and momentum.
  ///
  /// - Parameter copy: where the value is kept in bfloat16, too; nil for nowhere.
  /// - Throws: `LinearAlgebraError` where a product fails; ``CPUEngineError`` where memory is refused.
  func apply(
    _ update: MuonUpdate, gradientScale: Float, value: UnsafeMutablePointer<Float>,
    gradient: UnsafePointer<Float>, momentum: UnsafeMutablePointer<Float>,
    copy: UnsafeMutablePointer<ck_bf16>?
  ) throws {
    let count = update.rows * update.columns
    let x = try room(.matrix, count)
    let memory = Float(update.momentum)
    team.split(count) { range, _ in
      for index in range {
        let g = gradientScale * gradient[index]
        let m = momentum[index] + (1 - memory) * (g - momentum[index])
        momentum[index] = m
        x[index] = update.nesterov ? g + memory * (m - g) : m
      }
    }
    if update.byEntry != nil {
      team.split(count) { range, _ in
        update.forEachRun(in: range) { run, step in
          let scale = Float(step.directionScale)
          for index in run { x[index] *= scale }
        }
      }
    }
    try orthogonalise(x, update)
    let kept = Float(1 - update.decayFactor)
    team.split(count) { range, _ in
      update.forEachRun(in: range) { run, step in
        let step = Float(step.stepSize)
        for index in run { value[index] = kept * value[index] - step * x[index] }
      }
      if let copy {
        ck_cast_f32_bf16(value + range.lowerBound, copy + range.lowerBound, range.count)
      }
    }
  }

  /// Brings the singular values of x near 1.
  private func orthogonalise(_ x: UnsafeMutablePointer<Float>, _ update: MuonUpdate) throws {
    let (rows, columns) = (update.rows, update.columns)
    let count = rows * columns
    let norm = Float(ck_squared_norm(x, count).squareRoot())
    let factor = 1 / max(norm, Float(MuonUpdate.leastNorm))
    team.split(count) { range, _ in for index in range { x[index] *= factor } }
    let size = min(rows, columns)
    let (gram, square) = (try room(.gram, size * size), try room(.square, size * size))
    let next = try room(.next, count)
    let (a, b, c) = (
      Float(MuonUpdate.coefficients.a), Float(MuonUpdate.coefficients.b),
      Float(MuonUpdate.coefficients.c)
    )
    let products = try Products(self, rows: rows, columns: columns)
    for _ in 0..<update.iterations {
      let matrix = try narrowed(x, count, .halfMatrix)
      try products.gram.run(matrix, matrix, gram, bias: nil)
      let narrow = try narrowed(gram, size * size, .halfGram)
      try products.square.run(narrow, narrow, square, bias: nil)
      team.split(size * size) { range, _ in
        for index in range { gram[index] = b * gram[index] + c * square[index] }
      }
      let map = try narrowed(gram, size * size, .halfGram)
      if rows <= columns {
        try products.map.run(map, matrix, next, bias: nil)
      } else {
        try products.map.run(matrix, map, next, bias: nil)
      }
      team.split(count) { range, _ in
        for index in range { x[index] = a * x[index] + next[index] }
      }
    }
  }

  /// X Xᵀ or Xᵀ X, whichever is smaller, its square, and its product with X.
  private struct Products {
    let gram: any PreparedProduct
    let square: any PreparedProduct
    let map: any PreparedProduct

    init(_ kernel: MuonKernel, rows: Int, columns: Int) throws {
      let size = min(rows, columns)
      let isWide = rows <= columns
      func operand(_ stride: Int, isTransposed: Bool = false) -> MatrixProduct.Operand {
        .init(type: kernel.operand, stride: stride, isTransposed: isTransposed)
      }
      func prepare(
        rows: Int, columns: Int, depth: Int, _ a: MatrixProduct.Operand,
        _ b: MatrixProduct.Operand
      ) throws -> any PreparedProduct {
        try kernel.library.prepare(
          MatrixProduct(
            rows: rows, columns: columns, depth: depth, a: a, b: b,
            c: .init(type: .float32, stride: columns)), accumulates: false)
      }
      gram = try prepare(
        rows: size, columns: size, depth: max(rows, columns),
        operand(columns, isTransposed: !isWide), operand(columns, isTransposed: isWide))
      square = try prepare(
        rows: size, columns: size, depth: size, operand(size), operand(size))
      map = try prepare(
        rows: rows, columns: columns, depth: size, operand(isWide ? size : columns),
        operand(isWide ? columns : size))
    }
  }

  /// The numbers as products read them: rounded to bfloat16 in place of float32 where that is the type.
  private func narrowed(
    _ numbers: UnsafeMutablePointer<Float>, _ count: Int, _ name: Room
  ) throws -> UnsafeRawPointer {
    guard operand == .bfloat16 else { return UnsafeRawPointer(numbers) }
    let halves = UnsafeMutableRawPointer(try room(name, (count + 1) / 2))
      .bindMemory(to: ck_bf16.self, capacity: count)
    team.split(count) { range, _ in
      ck_cast_f32_bf16(numbers + range.lowerBound, halves + range.lowerBound, range.count)
    }
    return UnsafeRawPointer(halves)
  }

  /// Memory for so many floats, which stays for the next matrix.
  private func room(_ name: Room, _ count: Int) throws -> UnsafeMutablePointer<Float> {
    if let known = memory[name], known.byteCount >= count * 4 {
      return known.base.assumingMemoryBound(to: Float.self)
    }
    let made = try AlignedMemory(byteCount: count * 4)
    memory[name] = made
    return made.base.bindMemory(to: Float.self, capacity: count)
  }
}
