// SPDX-License-Identifier: Apache-2.0
import Wording

/// Why runs cannot be compared or reported.
///
/// Its subject is the run or the setting concerned.
public typealias ReportingError = ModuleError<ReportingErrorCode>

/// The kinds of ``ReportingError``.
public enum ReportingErrorCode: String, Sendable {
  /// There is nothing to draw or compare: no run, or no validation in a run.
  case nothingToCompare
  /// The runs differ in more than how they were trained; see ``Incomparability``.
  case incomparable
  /// A setting is out of range.
  case invalidValue
}
