// SPDX-License-Identifier: Apache-2.0
import Wording

/// What went wrong with a run's log.
///
/// Its subject is the file, with the line where there is one.
public typealias RunLogsError = ModuleError<RunLogsErrorCode>

/// The kinds of ``RunLogsError``.
public enum RunLogsErrorCode: String, Sendable {
  case fileUnavailable, damagedLine
}
