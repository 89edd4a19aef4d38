// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization
import Tensors

/// Takes grown tensors into memory, on all cores.
///
/// Tensors that come out as they are, or as another one does, share their bytes with it: a tensor owns its
/// bytes until one of its holders writes.
struct MemorySink: StateSink {
  /// The tensors' names, in the order in which they are to be looked at.
  let names: [String]

  /// Whole rows of one tensor that one core makes at a time.
  private struct Job {
    let tensor: String
    let range: Range<Int>
    let bytes: UnsafeMutableRawBufferPointer
    /// Whether the bytes are there already, and only looked at.
    let isMade: Bool
  }

  /// The tensors in the order of the names.
  ///
  /// - Throws: ``GrowthError`` of code `notFinite` for the first tensor with what is no number.
  func take<Source>(_ executor: GrowthExecutor<Source>) throws -> [HostTensor] {
    var jobs: [Job] = []
    var made: [GrowthChain.Course: HostTensor] = [:]
    let tensors = try names.map { name -> HostTensor in
      guard let tensor = executor.tensors[name], let type = tensor.type else {
        throw GrowthError(.mismatch, "is not grown", subject: name)
      }
      if let known = made[tensor.chain.course] { return known }
      let result: HostTensor
      if let source = try executor.unchanged(name) as? MemorySource.Tensor {
        result = source.tensor
        result.withUnsafeBytes {
          addJobs(
            name, of: tensor, type: type, bytes: UnsafeMutableRawBufferPointer(mutating: $0),
            isMade: true, to: &jobs)
        }
      } else {
        try executor.prepare(name)
        result = HostTensor(shape: tensor.chain.target.shape, dtype: type) {
          addJobs(name, of: tensor, type: type, bytes: $0, isMade: false, to: &jobs)
        }
      }
      made[tensor.chain.course] = result
      return result
    }
    try withExtendedLifetime(tensors) { try run(jobs, executor) }
    return tensors
  }

  private func addJobs(
    _ name: String, of tensor: GrownTensor, type: DType, bytes: UnsafeMutableRawBufferPointer,
    isMade: Bool, to jobs: inout [Job]
  ) {
    // Small enough to share out, large enough to be worth a turn.
    let row = tensor.rowLength * type.byteWidth
    let size = max(1, (1 << 20) / max(1, row)) * row
    for start in stride(from: 0, to: bytes.count, by: max(1, size)) {
      let range = start..<min(start + size, bytes.count)
      let part = UnsafeMutableRawBufferPointer(rebasing: bytes[range])
      jobs.append(Job(tensor: name, range: range, bytes: part, isMade: isMade))
    }
  }

  /// Rows are independent, so the result does not depend on how they are shared out; of several errors
  /// the first job's is thrown.
  private func run<Source>(_ jobs: [Job], _ executor: GrowthExecutor<Source>) throws {
    nonisolated(unsafe) let jobs = jobs
    let failure = Mutex<(job: Int, error: any Error)?>(nil)
    DispatchQueue.concurrentPerform(iterations: jobs.count) { index in
      let job = jobs[index]
      if failure.withLock({ $0.map { $0.job < index } ?? false }) { return }
      do {
        if job.isMade {
          try executor.check(job.tensor, job.range, of: UnsafeRawBufferPointer(job.bytes))
        } else {
          try executor.maker()(job.tensor, job.range, job.bytes)
        }
      } catch {
        failure.withLock { if $0.map({ index < $0.job }) ?? true { $0 = (index, error) } }
      }
    }
    if let error = failure.withLock({ $0?.error }) { throw error }
  }
}
