// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation
import Synchronization

/// The user's wish to stop a long command: Ctrl-C, a termination signal, or a terminal that is gone.
///
/// The first signal asks the command to come to a good end; a second Ctrl-C or termination ends the
/// process at once. A lost terminal never does, since the system tells of it several times. Signals
/// that were ignored when the process started stay so (``InheritedSignals``). While a long command
/// works, a reader of its output that goes away does not end it.
final class Interruption: Sendable {
  /// The exit code of a command that was interrupted.
  static let exitCode: Int32 = 130
  /// `timeout` and the like send one signal twice, to the process and to its group; nobody types so
  /// fast.
  private static let shortestRepeat = 0.1

  private struct State {
    var firstAt: Double?
  }

  private let state = Mutex(State())
  // Set once, before anybody else has this object; kept only so that they live.
  nonisolated(unsafe) private var sources: [any DispatchSourceSignal] = []

  /// Starts to listen.
  ///
  /// - Parameters:
  ///   - first: runs at the first signal, on a thread of its own.
  ///   - last: runs before the process ends at the second, so that the terminal is left in order.
  init(first: @escaping @Sendable () -> Void, last: @escaping @Sendable () -> Void) {
    let deaf = InheritedSignals.ignored
    signal(SIGPIPE, SIG_IGN)
    for number in [SIGINT, SIGTERM, SIGHUP] where !deaf.contains(number) {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { [weak self] in
        switch self?.receive(number) {
        case .first?: first()
        case .last?:
          last()
          _exit(Self.exitCode)
        case .ignored?, nil: break
        }
      }
      source.resume()
      sources.append(source)
    }
  }

  private enum Reaction { case first, last, ignored }

  private func receive(_ number: Int32) -> Reaction {
    let now = ProcessInfo.processInfo.systemUptime
    return state.withLock { state in
      guard let firstAt = state.firstAt else {
        state.firstAt = now
        return .first
      }
      return number == SIGHUP || now - firstAt < Self.shortestRepeat ? .ignored : .last
    }
  }

  /// Whether a signal came.
  var isRequested: Bool { state.withLock { $0.firstAt != nil } }

  /// Throws where a signal came.
  func check() throws {
    if isRequested { throw CancellationError() }
  }
}
