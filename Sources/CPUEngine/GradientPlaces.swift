// SPDX-License-Identifier: Apache-2.0
import Architectures

/// Where each value's gradient is, and whose gradients lie in the same buffer.
struct GradientPlaces {
  private var places: [Program.Value: Matrix] = [:]
  /// Values whose producer's backward has not been emitted yet.
  private var pending: Set<Program.Value> = []
  /// By buffer, the values whose gradients lie there and are still to be used.
  private var tenants: [BufferPlan.Buffer: Set<Program.Value>] = [:]

  /// Where a value's gradient is; nil where nothing has contributed to it yet.
  subscript(value: Program.Value) -> Matrix? {
    get { places[value] }
    set {
      if let old = places[value]?.buffer { tenants[old]?.remove(value) }
      places[value] = newValue
      if let new = newValue?.buffer { tenants[new, default: []].insert(value) }
    }
  }

  /// Begins the backward, in which all these values' gradients will be used.
  mutating func begin(_ values: some Sequence<Program.Value>) { pending = Set(values) }

  /// Notes that a value's producer, which uses its gradient, has been emitted.
  mutating func finish(_ value: Program.Value) {
    pending.remove(value)
    if let buffer = places[value]?.buffer { tenants[buffer]?.remove(value) }
  }

  /// The values whose gradients lie in a buffer and are still to be used.
  func pending(in buffer: BufferPlan.Buffer) -> some Sequence<Program.Value> {
    (tenants[buffer] ?? []).lazy.filter(pending.contains)
  }
}
