// SPDX-License-Identifier: Apache-2.0
import CKernels
import Foundation
import Testing

#if os(Linux)
  /// How the engine's threads wait for each other, as a program that uses the library sees it: nothing
  /// in the environment says how.
  @Suite("Waiting threads", .serialized) struct WaitingTests {
    /// The processor time of each thread of a team, in seconds.
    private func processorSeconds(threads: Int) -> [Double] {
      var seconds = [Double](repeating: 0, count: threads)
      seconds.withUnsafeMutableBytes { bytes in
        ck_parallel(
          Int32(threads),
          { context, thread, _ in
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            context?.assumingMemoryBound(to: Double.self)[Int(thread)] =
              Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
          }, bytes.baseAddress)
      }
      return seconds
    }

    /// Seconds of processor time that the others of a team take while one sleeps for 0.3 s in all.
    private func secondsOfWaiting(threads: Int) -> [Double] {
      let before = processorSeconds(threads: threads)
      for _ in 0..<100 {
        ck_parallel(Int32(threads), { _, thread, _ in if thread == 0 { usleep(3000) } }, nil)
      }
      return zip(processorSeconds(threads: threads), before).dropFirst().map { $0 - $1 }
    }

    @Test("threads that wait sleep, whatever their number") func sleeping() {
      guard getenv("GOMP_SPINCOUNT") == nil, getenv("OMP_WAIT_POLICY") == nil else { return }
      for threads in [4, 2] {
        ck_set_matrix_threads(Int32(threads))
        let seconds = secondsOfWaiting(threads: threads)
        #expect(seconds.count == threads - 1)
        // Awake, each of them would take up to 0.3 s.
        #expect(seconds.allSatisfy { $0 < 0.03 }, "\(threads) threads: \(seconds)")
      }
    }
  }
#endif
