// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Training

/// Makes rows of one grown tensor, any rows in any order.
///
/// Every element depends on the description, the seed and the source alone, so rows made one by one
/// from a file are bit for bit those made in memory.
package struct TensorGrower<Scalar: GrowthScalar>: Sendable {
  let growth: TensorGrowth
  let part: StatePart
  /// The grown tensor's rows.
  package let rowCount: Int
  /// Elements of a grown row.
  package let rowLength: Int

  private var source: TensorRows<Scalar>?
  private let rows: AxisMap?
  let columns: AxisMap
  private let moments: MomentPolicy
  let fresh: ParameterInitializer
  private let noise: NoiseRows<Scalar>?
  private let format: RepresentableNoise?
  private let meanRow: [Scalar]

  /// A grower of one part of a tensor.
  ///
  /// - Parameters:
  ///   - source: the part in the small model; nil where it has none.
  ///   - seed: fixes noise and new values.
  ///   - type: what the values are for: of 16 bits, noise is chosen so that it cancels there as well.
  package init(
    _ growth: TensorGrowth, part: StatePart, source: TensorRows<Scalar>?, moments: MomentPolicy,
    seed: UInt64, type: DType? = nil
  ) {
    self.growth = growth
    self.part = part
    let shape = growth.target.shape
    rowLength = shape.rank == 0 ? 1 : shape[shape.rank - 1]
    rowCount = rowLength == 0 ? 0 : shape.elementCount / rowLength
    let isMapped = growth.source != nil && (part == .value || growth.keepsMoments)
    self.source = isMapped ? source : nil
    rows = growth.axes.count > 1 ? growth.axes.first : nil
    columns = growth.axes.last ?? AxisMap(runs: [])
    self.moments = moments
    fresh = ParameterInitializer(seed: seed)
    format = RepresentableNoise(type)
    noise =
      part == .value
      ? self.source.flatMap { NoiseRows(growth, source: $0, seed: seed) } : nil
    let needsMean = rows?.runs.contains { if case .mean = $0.source { true } else { false } }
    meanRow = needsMean ?? false && part == .value ? self.source?.meanRow() ?? [] : []
  }

  /// The same grower with its source's rows read in another way; what was measured of them stays.
  func reading(_ rows: TensorRows<Scalar>?) -> TensorGrower {
    var grower = self
    grower.source = source == nil ? nil : rows
    return grower
  }

  /// Makes a row.
  ///
  /// - Parameters:
  ///   - row: its number in the grown tensor.
  ///   - target: room for ``rowLength`` elements.
  ///   - scratch: room for a row of the source.
  package func fill(
    row: Int, into target: UnsafeMutableBufferPointer<Scalar>, scratch: TensorRows<Scalar>.Scratch
  ) {
    let rounding = part == .value ? growth.sourceRounding : nil
    guard let source = source?.rounded(to: rounding) else {
      return fillNew(row, 0..<rowLength, target)
    }
    guard let rows else {
      return fill(row, in: nil, times: 1, from: source.read(0, scratch), into: target)
    }
    let run = rows.run(at: row)
    let factor = factor(of: run)
    switch run.source {
    case .indices(let first):
      fill(
        row, in: run, times: factor, from: source.read(first + row - run.start, scratch),
        into: target)
    case .mean where part == .value:
      meanRow.withUnsafeBufferPointer { fill(row, in: run, times: factor, from: $0, into: target) }
    case .blend(let lower, let fraction) where part == .value:
      blend(lower, fraction: fraction, of: source, scratch: scratch) {
        fill(row, in: run, times: factor, from: $0, into: target)
      }
    case .new where part == .value: fillNew(row, 0..<rowLength, target)
    case .zero, .mean, .blend, .new: target.update(repeating: 0)
    }
  }

  /// Fills a row from one row of the source.
  private func fill(
    _ row: Int, in outer: AxisMap.Run?, times factor: Double,
    from source: TensorRows<Scalar>.Row,
    into target: UnsafeMutableBufferPointer<Scalar>
  ) {
    if let noise {
      noise.withRow(row, outer) {
        fill(row, in: outer, times: factor, from: source, noise: &$0, into: target)
      }
    } else {
      var none: NoiseRows<Scalar>.Row?
      fill(row, in: outer, times: factor, from: source, noise: &none, into: target)
    }
    addTokenNoise(row, outer, target)
  }

  private func fill(
    _ row: Int, in outer: AxisMap.Run?, times factor: Double,
    from source: TensorRows<Scalar>.Row,
    noise: inout NoiseRows<Scalar>.Row?, into target: UnsafeMutableBufferPointer<Scalar>
  ) {
    for run in columns.runs {
      let piece = UnsafeMutableBufferPointer(rebasing: target[run.range])
      let noise = noise?.noise(of: run)
      let isFilled = isFilled(outer, run)
      let coefficient = Scalar(scale * power(factor * self.factor(of: run)))
      if let noise, let format, let base = source.baseAddress, case .indices(let first) = run.source
      {
        Scalar.copy(
          base + first, times: coefficient, isAdded: isFilled, adding: noise.0,
          times: noise.deviation, as: format, into: piece)
        if isFilled, growth.gainOffset != 0 { shiftGains(piece, coefficient) }
        continue
      }
      guard isFilled else {
        fill(piece, from: nil, times: 0, noise)
        continue
      }
      switch run.source {
      case .indices(let first):
        fill(piece, from: source.baseAddress.map { $0 + first }, times: coefficient, noise)
        if part == .value, growth.gainOffset != 0 { shiftGains(piece, coefficient) }
      case .mean(let start, let count, _) where part == .value:
        let sum = source[start..<start + count].reduce(0.0) { $0 + Double($1) }
        piece.update(repeating: coefficient * Scalar(sum / Double(count)))
      case .blend(let lower, let fraction) where part == .value:
        let (low, high) = (Double(source[lower]), Double(source[lower + 1]))
        piece.update(repeating: coefficient * Scalar(low + fraction * (high - low)))
      case .new where part == .value: fillNew(row, run.range, piece)
      case .zero, .mean, .blend, .new: piece.update(repeating: 0)
      }
    }
  }

  /// Whether entries of these copies take the source's values.
  private func isFilled(_ outer: AxisMap.Run?, _ run: AxisMap.Run) -> Bool {
    if part == .value {
      return growth.pattern == .dense || outer?.copy == run.copy
    }
    switch moments {
    case .mapped: return true
    case .reset: return false
    case .resetNew: return run.isKept && outer?.isKept ?? true
    case .diagonal: return growth.pattern == .dense || outer?.copy == run.copy
    }
  }

  /// The factor of all entries.
  private var scale: Double {
    part == .value ? growth.valueScale : power(growth.gradientScale)
  }

  /// The factor of a run: on values, or on gradients.
  private func factor(of run: AxisMap.Run) -> Double {
    part == .value ? run.value : run.gradient
  }

  /// Slots take the power of gradients' factors that they hold.
  private func power(_ factor: Double) -> Double {
    guard case .slot(let slot) = part else { return factor }
    return (1..<max(1, slot.power)).reduce(factor) { product, _ in product * factor }
  }

  /// Fills a piece in one pass with what the source has there and the noise; zeros without either.
  private func fill(
    _ piece: UnsafeMutableBufferPointer<Scalar>, from source: UnsafePointer<Scalar>?,
    times coefficient: Scalar, _ noise: (UnsafePointer<Float>, deviation: Double)?
  ) {
    switch (source, noise) {
    case (_, let noise?):
      Scalar.copy(
        source, times: coefficient, adding: noise.0, times: noise.deviation, into: piece)
    case (let source?, nil): Scalar.copy(source, times: coefficient, into: piece)
    case (nil, nil): piece.update(repeating: 0)
    }
  }

  /// Gains that are kept less `gainOffset`: c · (w + 1) − 1 is c · w + (c − 1).
  private func shiftGains(
    _ piece: UnsafeMutableBufferPointer<Scalar>, _ coefficient: Scalar
  ) {
    let shift = (coefficient - 1) * Scalar(growth.gainOffset)
    guard shift != 0 else { return }
    for index in piece.indices { piece[index] += shift }
  }

  private func blend(
    _ lower: Int, fraction: Double, of source: TensorRows<Scalar>,
    scratch: TensorRows<Scalar>.Scratch,
    _ body: (TensorRows<Scalar>.Row) -> Void
  ) {
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: source.length) { mixed in
      _ = mixed.initialize(from: source.read(lower, scratch))
      let upper = source.read(lower + 1, scratch)
      for index in 0..<source.length {
        let low = Double(mixed[index])
        mixed[index] = Scalar(low + fraction * (Double(upper[index]) - low))
      }
      body(UnsafeBufferPointer(mixed))
    }
  }

  /// New entries: the initializer's values, no moments.
  private func fillNew(
    _ row: Int, _ range: Range<Int>, _ target: UnsafeMutableBufferPointer<Scalar>
  ) {
    switch growth.target.initializer {
    case _ where part != .value, .zeros: target.update(repeating: 0)
    case .ones: target.update(repeating: 1)
    case .constant(let value): target.update(repeating: Scalar(Float(value)))
    case .normal(let standardDeviation):
      let first = row / growth.newRowRepeat * rowLength + range.lowerBound
      // As the initializer rounds, but straight to where the values belong.
      NormalStream(seed: fresh.seed, name: growth.target.name)
        .forEach(first..<first + range.count) { index, value in
          target[index] = Scalar(Float(standardDeviation * value))
        }
    }
  }
}
