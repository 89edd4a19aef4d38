// SPDX-License-Identifier: Apache-2.0
import CKernels
import Synchronization
import Testing

extension KernelTests {
  @Suite struct DispatchTests {
    @Test func aLevelBeyondTheMachineBecomesTheLast() {
      defer { _ = ck_set_thread_level(-1) }
      #expect(ck_set_thread_level(1000) == ck_last_level())
      #expect(ck_level() == ck_last_level())
    }

    @Test func theBestLevelIsOneOfTheMachines() {
      #expect(ck_best_level() <= ck_last_level())
      // Only products of pairs may be slower than what they replace.
      #expect(ck_best_level() == ck_last_level() || ck_best_level() == CK_LEVEL_AVX512CAST)
    }

    @Test func theBestLevelIsTheDefault() { #expect(ck_level() == ck_best_level()) }

    @Test func aThreadsLevelOverridesTheBest() {
      #expect(ck_set_thread_level(CK_LEVEL_PORTABLE) == CK_LEVEL_PORTABLE)
      #expect(ck_level() == CK_LEVEL_PORTABLE)
      #expect(ck_set_thread_level(-1) == ck_best_level())
      #expect(ck_level() == ck_best_level())
    }

    @Test(arguments: [1, 2, 3, 8]) func eachThreadIndexRunsOnce(threads: Int) {
      final class Visits: Sendable {
        let seen = Mutex<[Int32: Int]>([:])
        let counts = Mutex<Set<Int32>>([])
      }
      let visits = Visits()
      ck_parallel(
        Int32(threads),
        { context, thread, threads in
          guard let context else { return }
          let visits = Unmanaged<Visits>.fromOpaque(context).takeUnretainedValue()
          visits.seen.withLock { $0[thread, default: 0] += 1 }
          visits.counts.withLock { _ = $0.insert(threads) }
        }, Unmanaged.passUnretained(visits).toOpaque())
      // The pool may give fewer threads than asked, but says so.
      let count = visits.counts.withLock { $0 }
      #expect(count.count == 1)
      let given = count.first ?? 0
      #expect((1...Int32(threads)).contains(given))
      let expected = Dictionary(uniqueKeysWithValues: (0..<given).map { ($0, 1) })
      #expect(visits.seen.withLock { $0 } == expected)
    }
  }
}
