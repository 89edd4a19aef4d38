// SPDX-License-Identifier: Apache-2.0

/// How far a verification has come.
public struct VerificationProgress: Sendable, Hashable {
  /// What is measured: `float64: trajectory`.
  public var part: String
  /// Parts and steps that are done.
  public var done: Int
  /// Parts and steps in all.
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
  /// Calls of the counter: logits, gradients, dead parameters, and the steps of both trajectories and
  /// of the copies.
  var workCount: Int {
    func count(_ scope: ExactScope, _ batches: Int) -> Int {
      switch scope {
      case .none: 0
      case .logits: 1
      case .all: 2 + 2 * batches + (plans == nil ? 0 : 1 + symmetrySteps)
      }
    }
    return count(.all, batches.count) + count(exactScope, exactBatches.count)
  }
}
