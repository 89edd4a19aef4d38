// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// Tells, on standard error whatever else is printed, that a run's newest checkpoint is not the one
/// that a command works with.
enum PassedOverWarning {
  /// Prints a line for each damaged checkpoint; nothing where there are none.
  static func print(_ passedOver: [PassedOverCheckpoint], using url: URL) {
    let terminal = Terminal(.standardError)
    for checkpoint in passedOver {
      terminal.print(
        "warning: the newer checkpoint \(checkpoint.checkpoint) is damaged "
          + "(\(checkpoint.problems.joined(separator: "; "))); using \(url.lastPathComponent), the "
          + "newest whole one")
    }
  }
}

extension [PassedOverCheckpoint] {
  /// Nil where there are none, so that a report leaves the key out.
  var orNil: Self? { isEmpty ? nil : self }
}
