// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The last layouts of buffers, so that the first step does not lay out again what the check of memory has.
final class LayoutCache: Sendable {
  private static let mostPlans = 4

  private struct Entry {
    var plan: BufferPlan
    var layout: BufferPlan.Layout
  }
  private let entries = Mutex<[Entry]>([])

  /// The layout of a plan.
  func layout(of plan: BufferPlan) -> BufferPlan.Layout {
    if let known = entries.withLock({ $0.first { $0.plan == plan }?.layout }) { return known }
    let layout = plan.layout()
    entries.withLock {
      $0.append(Entry(plan: plan, layout: layout))
      if $0.count > Self.mostPlans { $0.removeFirst() }
    }
    return layout
  }
}
