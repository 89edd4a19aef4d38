// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How long the engine's threads wait for each other awake.
///
/// libgomp's threads turn for some milliseconds before they sleep. Where other programs want the
/// processor too, a turning thread takes it from the one that it waits for, and a step becomes many
/// times slower. A thousand turns, some microseconds, cost an idle machine nothing measurable; the
/// engine's own way to as short a wait, for programs that cannot start again, costs a step some 5 to 9 %.
enum ThreadWaiting {
  private static let turns = "1000"

  /// Starts this command again with the shorter wait, since libgomp reads it as it is loaded; does
  /// nothing where the environment says how to wait, or where the start fails.
  static func shorten() {
    #if os(Linux)
      guard getenv("GOMP_SPINCOUNT") == nil, getenv("OMP_WAIT_POLICY") == nil,
        setenv("GOMP_SPINCOUNT", turns, 1) == 0
      else { return }
      execv("/proc/self/exe", CommandLine.unsafeArgv)
    #endif
  }
}
