// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What whoever started the process has decided on its signals.
///
/// Shells start jobs in the background with Ctrl-C ignored, `nohup` with a lost terminal ignored, and
/// scripts with whatever they have trapped: such a signal stays ignored, in every command.
enum InheritedSignals {
  /// The signals that were ignored when this was first asked, which is before any of them is changed.
  static let ignored: Set<Int32> = Set([SIGINT, SIGTERM, SIGHUP, SIGPIPE].filter(isIgnored))

  private static func isIgnored(_ number: Int32) -> Bool {
    let handler = signal(number, SIG_IGN)
    signal(number, handler)
    // SIG_IGN is the number 1 where the address of a function would stand.
    return handler.map { unsafeBitCast($0, to: Int.self) == 1 } ?? false
  }
}
