// SPDX-License-Identifier: Apache-2.0

/// What a user should know of a result.
///
/// `--quiet` leaves out progress and results that are printed for people, and never what may be wrong
/// with one: such notes then go to standard error.
enum Note {
  /// Prints notes on standard error.
  static func print(_ notes: [String]) {
    let terminal = Terminal(.standardError)
    for note in notes { terminal.print("Note: \(note)") }
  }
}
