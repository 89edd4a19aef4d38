// SPDX-License-Identifier: Apache-2.0

/// How the units of one space of the grown model come from the small model's.
///
/// A copy's activation is `forward` times its source's, and the loss's gradient by it `backward`
/// times the gradient by its source. Whatever writes to the space takes `forward` into its
/// weights, whatever reads from it `backward`; gradients by weights take the other factor. The
/// function is kept where, for each source, the products forward · backward of its copies add up to
/// 1, which is the chain rule.
public struct UnitMap: Sendable, Hashable {
  /// Where a run of units comes from.
  public enum Source: Sendable, Hashable {
    /// Copies of the source's units from this one on.
    case units(Int)
    /// The mean of all the source's units; weights that read it are new.
    case mean
    /// Units that are always zero at first; weights that read them are new.
    case silent
    /// New units; weights that read them are zero at first.
    case new
    /// Between unit `lower` and the one after it, at this fraction of the way.
    case blend(lower: Int, fraction: Double)
  }

  /// Units that lie one after the other.
  public struct Run: Sendable, Hashable {
    /// Where the first comes from; the others follow it.
    public var source: Source
    /// The number of units.
    public var count: Int
    /// The factor on activations.
    public var forward: Double
    /// The factor on gradients.
    public var backward: Double
    /// Which copy of its source each unit is, from 0.
    public var copy: Int

    /// Makes a run.
    public init(
      _ source: Source, count: Int, forward: Double = 1, backward: Double = 1, copy: Int = 0
    ) {
      self.source = source
      self.count = count
      self.forward = forward
      self.backward = backward
      self.copy = copy
    }
  }

  /// Units of the small model.
  public let sourceCount: Int
  /// The grown model's units in order.
  public let runs: [Run]

  /// A map; runs that continue each other are joined.
  public init(sourceCount: Int, runs: [Run]) {
    self.sourceCount = sourceCount
    self.runs = Self.joined(runs)
  }

  /// The map that changes nothing.
  public static func identity(_ count: Int) -> UnitMap {
    UnitMap(sourceCount: count, runs: [Run(.units(0), count: count)])
  }

  /// Units of the grown model.
  public var count: Int { runs.reduce(0) { $0 + $1.count } }

  /// Whether nothing changes.
  public var isIdentity: Bool { self == .identity(sourceCount) }

  /// The most copies that any unit has.
  public var copyCount: Int { (runs.map(\.copy).max() ?? 0) + 1 }

  /// Whether all units that have a source have these factors.
  func isUniform(forward: Double? = nil, backward: Double? = nil) -> Bool {
    runs.allSatisfy { run in
      guard case .units = run.source else { return true }
      return (forward.map { $0 == run.forward } ?? true)
        && (backward.map { $0 == run.backward } ?? true)
    }
  }

  /// For each stretch of source units, the sum of a quantity over its copies.
  func sums(_ quantity: (Run) -> Double) -> [Double] {
    var bounds: Set<Int> = [0, sourceCount]
    for run in runs {
      if case .units(let start) = run.source { bounds.formUnion([start, start + run.count]) }
    }
    return bounds.sorted().dropLast().map { unit in
      runs.reduce(0) { sum, run in
        guard case .units(let start) = run.source, (start..<start + run.count).contains(unit)
        else { return sum }
        return sum + quantity(run)
      }
    }
  }

  /// Whether copies together do what their source did.
  public var keepsFunction: Bool {
    sums { $0.forward * $0.backward }.allSatisfy { abs($0 - 1) < 1e-12 }
  }

  private static func joined(_ runs: [Run]) -> [Run] {
    runs.reduce(into: []) { result, run in
      guard run.count > 0 else { return }
      guard let last = result.last, last.continues(run) else { return result.append(run) }
      result[result.count - 1].count += run.count
    }
  }
}

extension UnitMap.Run {
  /// Whether `next` can be part of this run.
  fileprivate func continues(_ next: UnitMap.Run) -> Bool {
    guard forward == next.forward, backward == next.backward, copy == next.copy else {
      return false
    }
    switch (source, next.source) {
    case (.units(let first), .units(let second)): return first + count == second
    case (.mean, .mean), (.silent, .silent), (.new, .new): return true
    default: return false
    }
  }
}
