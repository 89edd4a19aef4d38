// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Training

/// Readies the engine for the next stage on another thread, while the present stage trains.
///
/// Whatever keeps it from doing so is told where it matters: by the growth, or the stage itself.
final class StageAhead: Sendable {
  private let group = DispatchGroup()

  /// Begins at once.
  ///
  /// - Parameters:
  ///   - grower: the growth to the next stage.
  ///   - state: one of the present stage's.
  init(_ grower: StageGrower, from state: TrainingState) {
    DispatchQueue.global(qos: .utility).async(group: group) {
      guard let preparation = try? grower.preparation(from: state) else { return }
      try? grower.engine.prepare(preparation)
    }
  }

  /// Waits for the end of it: a process must not end while a plugin compiles.
  func finish() { group.wait() }
}
