// SPDX-License-Identifier: Apache-2.0

// Swift's own conversion of a floating-point number to an integer ends the process beyond the
// integer's range, and at NaN. A number from a log, a file or an option may be any number, so the
// conversions below hide Swift's from every module that imports this one: the compiler warns, and
// warnings fail. What is whole and small is `exactly:`, what is to be cut off is `bounding:`.

extension FixedWidthInteger {
  /// The number without its fraction, the nearest end of the range beyond it, and 0 for NaN.
  @inlinable
  package init(bounding value: Double) {
    let whole = value.rounded(.towardZero)
    self = Self(exactly: whole) ?? (value > 0 ? .max : value < 0 ? .min : 0)
  }

  /// As ``init(bounding:)``.
  @inlinable
  package init(bounding value: Float) { self.init(bounding: Double(value)) }
}

extension Int {
  /// Hides the conversion that may trap.
  @available(*, deprecated, message: "traps beyond the range; use bounding: or exactly:")
  package init(_ value: Double) { self.init(bounding: value) }

  /// Hides the conversion that may trap.
  @available(*, deprecated, message: "traps beyond the range; use bounding: or exactly:")
  package init(_ value: Float) { self.init(bounding: value) }
}

extension Int32 {
  /// Hides the conversion that may trap.
  @available(*, deprecated, message: "traps beyond the range; use bounding: or exactly:")
  package init(_ value: Double) { self.init(bounding: value) }

  /// Hides the conversion that may trap.
  @available(*, deprecated, message: "traps beyond the range; use bounding: or exactly:")
  package init(_ value: Float) { self.init(bounding: value) }
}

extension UInt64 {
  /// Hides the conversion that may trap.
  @available(*, deprecated, message: "traps beyond the range; use bounding: or exactly:")
  package init(_ value: Double) { self.init(bounding: value) }
}

extension UInt32 {
  /// Hides the conversion that may trap.
  @available(*, deprecated, message: "traps beyond the range; use bounding: or exactly:")
  package init(_ value: Double) { self.init(bounding: value) }
}
