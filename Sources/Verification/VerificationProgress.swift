// SPDX-License-Identifier: Apache-2.0

/// How far a verification has come.
public struct VerificationProgress: Sendable, Hashable {
  /// What is measured: `float64: trajectory`.
  public var part: String
  /// Parts and steps that are done; of a streaming verification, parameters that were read.
  public var done: Int
  /// Parts and steps, or parameters, in all.
  public var total: Int
}

/// Counts parts and steps.
final class ProgressCounter {
  private let total: Int
  private let report: (VerificationProgress) throws -> Void
  private var done = 0

  init(total: Int, report: @escaping (VerificationProgress) throws -> Void) {
    self.total = total
    self.report = report
  }

  /// Tells of a part or step that begins.
  func begin(_ part: String) throws {
    try report(VerificationProgress(part: part, done: min(done, total), total: total))
    done += 1
  }
}

extension GrowthVerification {
  /// Calls of the counter: logits, gradients, dead parameters, the steps of both trajectories and of
  /// the copies, and once the streams.
  ///
  /// - Parameter trains: whether the engine trains the models.
  func workCount(trains: Bool) -> Int {
    func count(_ scope: ExactScope, _ batches: Int) -> Int {
      switch scope {
      case .none: 0
      case .logits: 1
      case .all: 2 + 2 * batches + (path == nil ? 0 : 1 + symmetrySteps)
      }
    }
    return 1 + count(trains ? .all : .none, batches.count) + count(exactScope, exactBatches.count)
  }
}
