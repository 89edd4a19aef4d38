// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Entries of a parameter that a growth made, as long as they are trained otherwise than the rest.
///
/// Their steps may be larger or smaller for some time ("SPARKLING", arXiv 2602.02472: 1.3 times at
/// first, and as all others 250 steps later). Where their moments began at zero, AdamW's bias correction
/// divides by what they have seen, not by what the parameter has.
public struct NewEntries: Sendable, Hashable, Codable {
  /// A factor on the learning rate that goes to 1 in a straight line.
  public struct Rate: Sendable, Hashable, Codable {
    /// The factor of the first update; below 1 for a warm-up, which may start at 0.
    public var factor: Double
    /// The updates after which it is 1.
    public var steps: Int

    /// The steps of a rate of which only the factor is said, as published.
    public static let defaultSteps = 250
    /// Factors that may be asked for.
    public static let factors = 0.0...1000
    /// Steps that may be asked for.
    public static let stepCounts = 1...TrainingStatus.counts.upperBound

    /// Makes a rate, as published unless told otherwise; ``validate(_:)`` checks it.
    public init(factor: Double = 1.3, steps: Int = NewEntries.Rate.defaultSteps) {
      self.factor = factor
      self.steps = steps
    }

    /// The factor of an update: 1 + (factor − 1) · (1 − updates / steps), and 1 from the last of the
    /// steps on.
    ///
    /// - Parameter updates: those before it.
    public func factor(after updates: Int) -> Double {
      guard updates < steps else { return 1 }
      if updates == 0 { return factor }
      return 1 + (factor - 1) * (Double(steps - updates) / Double(steps))
    }

    /// Checks the numbers.
    ///
    /// - Parameter key: what they belong to, in error messages.
    /// - Throws: ``TrainingError`` of code `invalidConfiguration` that names the first that does not fit.
    public func validate(_ key: String) throws {
      try TrainingError.check(
        Self.factors.contains(factor), "\(key).factor",
        "\(factor) is outside \(Self.factors.lowerBound) … \(Self.factors.upperBound)")
      try TrainingError.check(
        Self.stepCounts.contains(steps), "\(key).steps",
        "\(steps) is outside \(Self.stepCounts.lowerBound) … \(Self.stepCounts.upperBound)")
    }
  }

  /// Which entries.
  public var entries: EntryRanges
  /// Updates since the growth.
  public var updates: Int
  /// Their factor on the learning rate; nil where the growth gave them none.
  public var rate: Rate?
  /// Whether their moments were zero at the growth, so that ``updates`` is all that they have seen.
  public var hasOwnCount: Bool

  /// Makes the mark of a growth that has just been done.
  public init(_ entries: EntryRanges, rate: Rate?, hasOwnCount: Bool) {
    self.entries = entries
    updates = 0
    self.rate = rate
    self.hasOwnCount = hasOwnCount
  }

  /// Checks what comes from a file.
  ///
  /// - Parameters:
  ///   - shape: the parameter's.
  ///   - stepCount: the parameter's updates.
  ///   - key: where it stands, in error messages.
  /// - Throws: ``TrainingError`` that names the first field that does not fit.
  func validate(_ shape: Shape, stepCount: Int, _ key: String) throws {
    if let flaw = entries.flaw(for: shape) {
      throw TrainingError(.invalidState, flaw, subject: "\(key).entries")
    }
    guard TrainingStatus.counts.contains(updates), !hasOwnCount || updates <= stepCount else {
      throw TrainingError(
        .invalidState,
        "\(updates) updates since a growth are not possible for a parameter that has seen "
          + "\(stepCount)", subject: "\(key).updates")
    }
    try rate?.validate("\(key).rate")
  }
}

extension ParameterClock {
  /// The value of each entry; nil where no entries are new.
  ///
  /// Where entries are new by several growths, the last that says something counts, of rates and of counts
  /// each by itself.
  ///
  /// - Parameter value: what belongs to entries with a factor on the parameter's learning rate, and whose
  ///   moments have seen so many updates.
  func grid<Value>(
    _ shape: Shape, _ value: (_ rateFactor: Double, _ stepCount: Int) -> Value
  ) -> EntryGrid<Value>? {
    guard !newEntries.isEmpty else { return nil }
    return EntryGrid(shape, newEntries.map(\.entries)) { isIn in
      let marks = zip(newEntries, isIn).filter(\.1).map(\.0)
      let rated = marks.last { $0.rate != nil }
      return value(
        rated.flatMap { $0.rate?.factor(after: $0.updates) } ?? 1,
        marks.last { $0.hasOwnCount }?.updates ?? stepCount)
    }
  }

  /// Counts an update, and forgets new entries that are trained as all others from here on.
  ///
  /// - Parameter memories: the factors by which an update multiplies what was in the moments.
  mutating func advance(memories: [Double]) {
    stepCount += 1
    var hasOlderRate = false
    for index in newEntries.indices {
      newEntries[index].updates += 1
      let mark = newEntries[index]
      if memories.allSatisfy({ $0.isForgotten(after: mark.updates, as: stepCount) }) {
        newEntries[index].hasOwnCount = false
      }
      // The rate of an older growth would come to light under one that is taken away.
      if !hasOlderRate, let rate = mark.rate, mark.updates >= rate.steps {
        newEntries[index].rate = nil
      }
      hasOlderRate = hasOlderRate || newEntries[index].rate != nil
    }
    newEntries.removeAll { $0.rate == nil && !$0.hasOwnCount }
  }
}

extension Double {
  /// Whether a running mean with this memory is corrected by the same number in float32 whether it has
  /// seen so many updates or `others`.
  fileprivate func isForgotten(after updates: Int, as others: Int) -> Bool {
    let difference = abs(raised(to: updates) - raised(to: others))
    return difference <= 0x1p-24 * (1 - raised(to: others))
  }

  /// The power by squaring, the same on every system.
  func raised(to exponent: Int) -> Double {
    var result = 1.0
    var factor = self
    var rest = exponent
    while rest > 0 {
      if rest & 1 == 1 { result *= factor }
      factor *= factor
      rest >>= 1
    }
    return result
  }
}
