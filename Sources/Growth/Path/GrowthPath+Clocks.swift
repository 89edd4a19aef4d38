// SPDX-License-Identifier: Apache-2.0
import Tensors
import Training

extension GrowthPath {
  /// The counts and multipliers of the grown model's parameters.
  func clocks(of small: [ParameterClock]) -> [ParameterClock] {
    let small = zip(sourceParameters, small).map { GrownClock($1, $0.shape) }
    return carried(small) { _, growth, clock in growth.clock(of: clock, options.moments) }
      .map { $0.marked(options) }
  }
}

/// A parameter's clock on its way through several growths, which all count as one.
private struct GrownClock {
  /// Counts and multipliers; of its new entries those of earlier growths.
  var clock: ParameterClock
  /// Entries that the small model did not have.
  var new: EntryRanges
  /// Those whose moments begin at zero beside others that do not.
  var emptied: EntryRanges

  /// A parameter of the small model.
  init(_ clock: ParameterClock, _ shape: Shape) {
    self.clock = clock
    new = EntryRanges(shape.extents.map { _ in [] })
    emptied = new
  }

  /// The clock with the marks of the growths that it went through.
  func marked(_ options: GrowthOptions) -> ParameterClock {
    var result = clock
    func mark(_ entries: EntryRanges, _ rate: NewEntries.Rate?, hasOwnCount: Bool) {
      guard !entries.isEmpty, rate != nil || hasOwnCount else { return }
      result.newEntries.append(NewEntries(entries, rate: rate, hasOwnCount: hasOwnCount))
    }
    // Moments that have seen nothing anywhere have one count.
    let isDivided = clock.stepCount > 0 && !emptied.isEmpty
    if isDivided, emptied == new {
      mark(new, options.newEntryRate, hasOwnCount: true)
    } else {
      mark(emptied, nil, hasOwnCount: isDivided)
      mark(new, options.newEntryRate, hasOwnCount: false)
    }
    return result
  }
}

extension TensorGrowth {
  /// Whether the grown tensor has moments where its source has.
  func keepsMoments(_ moments: MomentPolicy) -> Bool { keepsMoments && moments != .reset }

  /// The grown parameter's clock.
  ///
  /// - Parameter source: that of the parameter it comes from; nil for a new one.
  fileprivate func clock(of source: GrownClock?, _ moments: MomentPolicy) -> GrownClock {
    let clock = ParameterClock(
      name: target.name, stepCount: keepsMoments(moments) ? source?.clock.stepCount ?? 0 : 0,
      learningRateMultiplier: (source?.clock.learningRateMultiplier ?? 1) * learningRateMultiplier,
      epsilonMultiplier: (source?.clock.epsilonMultiplier ?? 1) * epsilonMultiplier)
    var grown = GrownClock(clock, target.shape)
    // A layer that is a copy trains anew, as one does that is none.
    guard let source, keepsMoments else {
      grown.new = EntryRanges(all: target.shape)
      return grown
    }
    grown.clock.newEntries = source.clock.newEntries.compactMap { carried($0, moments) }
    grown.new = carried(source.new).union(entries { !$0.isKept })
    if moments != .reset {
      grown.emptied = carried(source.emptied).union(entries { startsMoments($0, moments) })
    }
    return grown
  }

  /// What becomes of entries that were new before; nil where they are as all others.
  private func carried(_ mark: NewEntries, _ moments: MomentPolicy) -> NewEntries? {
    var mark = mark
    mark.entries = carried(mark.entries)
    mark.hasOwnCount = mark.hasOwnCount && moments != .reset
    return mark.entries.isEmpty || mark.rate == nil && !mark.hasOwnCount ? nil : mark
  }

  /// Where entries of the source come to lie, copies among them.
  private func carried(_ entries: EntryRanges) -> EntryRanges {
    EntryRanges(zip(axes, entries.axes).map { $0.carried($1) })
  }

  /// The entries on runs of a kind.
  private func entries(_ isMeant: (AxisMap.Run) -> Bool) -> EntryRanges {
    EntryRanges(axes.map { $0.runs.filter(isMeant).map(\.range) })
  }

  /// Whether moments begin at zero on a run whose tensor keeps others.
  private func startsMoments(_ run: AxisMap.Run, _ moments: MomentPolicy) -> Bool {
    switch moments {
    case .mapped: !run.isCopied
    case .resetNew: !run.isKept
    case .reset, .diagonal: false
    }
  }
}

extension AxisMap {
  /// Where indices of the small axis come to lie.
  fileprivate func carried(_ ranges: [Range<Int>]) -> [Range<Int>] {
    runs.flatMap { run -> [Range<Int>] in
      guard case .indices(let first) = run.source else { return [] }
      return ranges.compactMap { range in
        let part = range.clamped(to: first..<first + run.count)
        guard !part.isEmpty else { return nil }
        let shift = run.start - first
        return part.lowerBound + shift..<part.upperBound + shift
      }
    }
  }
}

extension AxisMap.Run {
  /// Whether each index is that of one of the small axis, or a copy of it.
  var isCopied: Bool { if case .indices = source { true } else { false } }

  /// Whether the indices are those that the small axis had, not copies beside them.
  var isKept: Bool { isCopied && copy == 0 }
}
