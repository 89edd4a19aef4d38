// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization
import Tensors

/// Makes many tensors' rows on all cores.
///
/// Rows are independent, so the result does not depend on how they are shared out.
struct GrowthJobs<Scalar: GrowthScalar> {
  /// Rows of one tensor that one core makes at a time.
  private struct Job {
    /// Nil where the rows are there already.
    let grower: TensorGrower<Scalar>?
    let rows: Range<Int>
    let length: Int
    let target: UnsafeMutableBufferPointer<Scalar>
    let scratchLength: Int
    let tensor: Int
  }
  /// Elements of a job: small enough to share out, large enough to be worth a turn.
  private static var jobElements: Int { 1 << 18 }

  private var jobs: [Job] = []

  /// Adds a tensor whose elements shall lie in `target`.
  ///
  /// - Parameter tensor: its number, by which ``run()`` names it.
  mutating func add(
    _ grower: TensorGrower<Scalar>, sourceLength: Int,
    into target: UnsafeMutableBufferPointer<Scalar>, tensor: Int = 0
  ) {
    add(grower, grower.rowCount, grower.rowLength, sourceLength, target, tensor)
  }

  /// Adds a tensor that stays what it is, and is only looked at.
  mutating func add(checking elements: UnsafeBufferPointer<Scalar>, tensor: Int) {
    add(nil, elements.count, 1, 0, UnsafeMutableBufferPointer(mutating: elements), tensor)
  }

  private mutating func add(
    _ grower: TensorGrower<Scalar>?, _ rowCount: Int, _ length: Int, _ scratchLength: Int,
    _ target: UnsafeMutableBufferPointer<Scalar>, _ tensor: Int
  ) {
    let rowsPerJob = max(1, Self.jobElements / max(1, length))
    for first in stride(from: 0, to: rowCount, by: rowsPerJob) {
      jobs.append(
        Job(
          grower: grower, rows: first..<min(first + rowsPerJob, rowCount), length: length,
          target: target, scratchLength: scratchLength, tensor: tensor))
    }
  }

  /// Makes all rows.
  ///
  /// - Returns: the lowest number of a tensor that holds what is not finite; nil where all is.
  @discardableResult
  func run() -> Int? {
    nonisolated(unsafe) let jobs = jobs
    let unsound = Mutex<Int?>(nil)
    DispatchQueue.concurrentPerform(iterations: jobs.count) { index in
      let job = jobs[index]
      if !Self.run(job) { unsound.withLock { $0 = min($0 ?? job.tensor, job.tensor) } }
    }
    return unsound.withLock { $0 }
  }

  /// Makes the rows of a job, and says whether all are finite while they are at hand.
  private static func run(_ job: Job) -> Bool {
    if let grower = job.grower { fill(job, grower) }
    let made = job.target[job.rows.lowerBound * job.length..<job.rows.upperBound * job.length]
    return Scalar.elementType.areFinite(
      UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: made)))
  }

  private static func fill(_ job: Job, _ grower: TensorGrower<Scalar>) {
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: job.scratchLength) { scratch in
      scratch.initialize(repeating: 0)
      for row in job.rows {
        let elements = job.target[row * job.length..<(row + 1) * job.length]
        grower.fill(
          row: row, into: UnsafeMutableBufferPointer(rebasing: elements), scratch: scratch)
      }
    }
  }
}
