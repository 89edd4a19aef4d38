// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// Makes many tensors' rows on all cores.
///
/// Rows are independent, so the result does not depend on how they are shared out.
struct GrowthJobs<Scalar: GrowthScalar> {
  /// Rows of one tensor that one core makes at a time.
  private struct Job {
    let grower: TensorGrower<Scalar>
    let rows: Range<Int>
    let target: UnsafeMutableBufferPointer<Scalar>
    let scratchLength: Int
  }
  /// Elements of a job: small enough to share out, large enough to be worth a turn.
  private static var jobElements: Int { 1 << 18 }

  private var jobs: [Job] = []

  /// Adds a tensor whose elements shall lie in `target`.
  mutating func add(
    _ grower: TensorGrower<Scalar>, sourceLength: Int,
    into target: UnsafeMutableBufferPointer<Scalar>
  ) {
    let rowsPerJob = max(1, Self.jobElements / max(1, grower.rowLength))
    for first in stride(from: 0, to: grower.rowCount, by: rowsPerJob) {
      jobs.append(
        Job(
          grower: grower, rows: first..<min(first + rowsPerJob, grower.rowCount), target: target,
          scratchLength: sourceLength))
    }
  }

  /// Makes all rows.
  func run() {
    nonisolated(unsafe) let jobs = jobs
    DispatchQueue.concurrentPerform(iterations: jobs.count) { Self.run(jobs[$0]) }
  }

  private static func run(_ job: Job) {
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: job.scratchLength) { scratch in
      scratch.initialize(repeating: 0)
      let length = job.grower.rowLength
      for row in job.rows {
        job.grower.fill(
          row: row,
          into: UnsafeMutableBufferPointer(rebasing: job.target[row * length..<(row + 1) * length]),
          scratch: scratch)
      }
    }
  }
}
