// SPDX-License-Identifier: Apache-2.0
import Architectures

/// How the indices of one axis of a grown tensor come from the small tensor's.
public struct AxisMap: Sendable, Hashable {
  /// Where a run of indices comes from.
  public enum Source: Sendable, Hashable {
    /// The small axis's indices from this one on.
    case indices(Int)
    /// The mean over a range of the small axis, with this multiple of the initializer's noise.
    case mean(start: Int, count: Int, noise: Double)
    /// Between index `lower` and the next, at this fraction of the way.
    case blend(lower: Int, fraction: Double)
    /// Zeros.
    case zero
    /// What the initializer gives a new model.
    case new
  }

  /// Indices that lie one after the other.
  public struct Run: Sendable, Hashable {
    /// The first index.
    public var start: Int
    /// The number of indices.
    public var count: Int
    /// Where they come from.
    public var source: Source
    /// The factor on values.
    public var value: Double
    /// The factor on gradients, which is this axis's part of γ.
    public var gradient: Double
    /// Which copy of its source each is, from 0.
    public var copy: Int

    /// The indices.
    public var range: Range<Int> { start..<start + count }
  }

  /// The runs in order.
  public let runs: [Run]

  /// The extent of the grown axis.
  public var count: Int { runs.last?.range.upperBound ?? 0 }

  /// The run of an index.
  func run(at index: Int) -> Run {
    var (low, high) = (0, runs.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if runs[middle].start <= index { low = middle } else { high = middle - 1 }
    }
    return runs[low]
  }

  /// The gradient factor that all indices with a source share; nil where they differ.
  var uniformGradient: Double? {
    let factors = Set(
      runs.compactMap { run -> Double? in
        if case .indices = run.source { run.gradient } else { nil }
      })
    return factors.count == 1 ? factors.first : nil
  }
}

extension AxisMap {
  /// The map of one axis of a tensor.
  ///
  /// - Parameters:
  ///   - axis: the axis's number.
  ///   - vocabularyNoise: the noise on new tokens, as a multiple of the initializer's.
  ///   - map: the map of a space.
  init(
    axis: Int, of target: ParameterSpec, from source: ParameterSpec, vocabularyNoise: Double,
    _ map: (GrowthSpace) -> UnitMap
  ) throws {
    let old = source.axes[axis]
    let new = target.axes[axis]
    // Segments of one set of a space follow each other.
    var offsets: [ParameterSpec.Segment: Int] = [:]
    var runs: [Run] = []
    for segment in new.segments {
      let space = GrowthSpace(segment.space, of: target, new.direction)
      let set = ParameterSpec.Segment(space: segment.space, size: 0, set: segment.set)
      let first = offsets[set, default: 0]
      offsets[set] = first + segment.size
      let pieces = map(space).slice(first..<first + segment.size)
      guard pieces.reduce(0, { $0 + $1.count }) == segment.size else {
        throw GrowthError(
          .mismatch, "has \(segment.size) units of \(space) that the growth does not map",
          subject: target.name)
      }
      for piece in pieces {
        for part in try piece.placed(on: old, segment, source) {
          let start = runs.last?.range.upperBound ?? 0
          runs.append(
            Run(
              part, start: start, direction: new.direction, space: space, role: target.role,
              axis: old, vocabularyNoise: vocabularyNoise))
        }
      }
    }
    self.runs = runs
  }
}

extension AxisMap.Run {
  /// One run of units on an axis; the source is already an index of the small axis.
  fileprivate init(
    _ unit: UnitMap.Run, start: Int, direction: ParameterSpec.Direction, space: GrowthSpace,
    role: ParameterSpec.Role, axis: ParameterSpec.Axis, vocabularyNoise: Double
  ) {
    self.start = start
    count = unit.count
    copy = unit.copy
    let reads = direction == .input
    value = reads ? unit.backward : unit.forward
    gradient = reads ? unit.forward : unit.backward
    switch unit.source {
    case .units(let index): source = .indices(index)
    case .blend(let lower, let fraction): source = .blend(lower: lower, fraction: fraction)
    case .mean where space == .vocabulary:
      source = .mean(start: 0, count: axis.size, noise: vocabularyNoise)
    case .mean, .silent, .new:
      source = Self.start(of: unit.source, reads: reads, space: space, role: role, axis: axis)
    }
  }

  /// How indices begin whose units are no copies.
  private static func start(
    of source: UnitMap.Source, reads: Bool, space: GrowthSpace, role: ParameterSpec.Role,
    axis: ParameterSpec.Axis
  ) -> AxisMap.Source {
    // Rows of tables are chosen, not summed over: a new one is free.
    if space == .vocabulary || space == .position { return .new }
    switch role {
    case .normGain: return .new
    case .normBias: return .zero
    default: break
    }
    switch source {
    case .new: return reads ? .zero : .new
    case .mean where !reads: return .mean(start: 0, count: axis.size, noise: 0)
    default: return reads ? .new : .zero
    }
  }
}

extension UnitMap {
  /// The runs of a range of units, cut to it.
  func slice(_ range: Range<Int>) -> [Run] {
    var start = 0
    var result: [Run] = []
    for run in runs {
      let part = (start..<start + run.count).clamped(to: range)
      if !part.isEmpty {
        var piece = run
        piece.count = part.count
        if case .units(let first) = run.source {
          piece.source = .units(first + part.lowerBound - start)
        }
        result.append(piece)
      }
      start += run.count
    }
    return result
  }
}

extension UnitMap.Run {
  /// The run with indices of an axis for units of a space, cut where the axis's segments end.
  fileprivate func placed(
    on axis: ParameterSpec.Axis, _ set: ParameterSpec.Segment, _ spec: ParameterSpec
  ) throws -> [UnitMap.Run] {
    guard case .units(let first) = source else { return [self] }
    var result: [UnitMap.Run] = []
    var (unit, index) = (0, 0)
    for segment in axis.segments {
      if segment.space == set.space, segment.set == set.set {
        let part = (unit..<unit + segment.size).clamped(to: first..<first + count)
        if !part.isEmpty {
          var piece = self
          piece.source = .units(index + part.lowerBound - unit)
          piece.count = part.count
          result.append(piece)
        }
        unit += segment.size
      }
      index += segment.size
    }
    guard result.reduce(0, { $0 + $1.count }) == count else {
      throw GrowthError(
        .mismatch, "has no units \(first) to below \(first + count) of \(set.space)",
        subject: spec.name)
    }
    return result
  }
}
