// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation
import Synchronization

/// The user's wish to stop: Ctrl-C or a termination signal.
///
/// The first asks the command to come to a good end; the second ends the process at once.
final class Interruption: Sendable {
  /// The exit code of a run that was interrupted.
  static let exitCode: Int32 = 130

  private let count = Mutex(0)
  // Set once, before anybody else has this object; kept only so that they live.
  nonisolated(unsafe) private var sources: [any DispatchSourceSignal] = []

  /// Starts to listen.
  ///
  /// - Parameters:
  ///   - first: runs at the first signal, on a thread of its own.
  ///   - last: runs before the process ends at the second, so that the terminal is left in order.
  init(first: @escaping @Sendable () -> Void, last: @escaping @Sendable () -> Void) {
    for number in [SIGINT, SIGTERM] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { [weak self] in
        guard let self else { return }
        let received = count.withLock {
          $0 += 1
          return $0
        }
        guard received == 1 else {
          last()
          _exit(Self.exitCode)
        }
        first()
      }
      source.resume()
      sources.append(source)
    }
  }

  /// Whether a signal came.
  var isRequested: Bool { count.withLock { $0 > 0 } }
}
