// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Training

@Suite("Profiles")
struct ProfilerTests {
  /// A clock that is set by hand.
  private final class Clock {
    var seconds = 0.0
  }

  private struct Failure: Error {}

  @Test("phases do not count the phases inside them, and add up to all time")
  func phases() throws {
    let clock = Clock()
    let profiler: Profiler? = Profiler(clock: { clock.seconds })
    func pass(_ seconds: Double) { clock.seconds += seconds }
    pass(1)
    for _ in 0..<2 {
      profiler.during(.steps) {
        pass(2)
        profiler.during(.data) { pass(4) }
        // A phase in itself is one.
        profiler.during(.steps) { pass(8) }
        #expect(throws: Failure.self) {
          try profiler.during(.saving) {
            pass(16)
            throw Failure()
          }
        }
        profiler.measure("product", .init(floatingPointOperations: 6, bytes: 3)) { pass(32) }
      }
      pass(64)
    }
    profiler.during(.evaluation) {
      profiler.measure("product", .init(floatingPointOperations: 2)) { pass(128) }
    }
    let profile = try #require(profiler).profile()
    #expect(profile.seconds == clock.seconds)
    #expect(profile.seconds(of: .steps) == 2 * (2 + 8 + 32))
    #expect(profile.seconds(of: .data) == 2 * 4)
    #expect(profile.seconds(of: .saving) == 2 * 16)
    #expect(profile.seconds(of: .evaluation) == 128)
    #expect(profile.seconds(of: .rest) == 1 + 2 * 64)
    #expect(profile.seconds(of: .growth) == 0)
    #expect(profile.phases.first { $0.phase == .steps }?.count == 2)
    let steps = try #require(profile.operations.first { $0.phase == .steps })
    #expect(steps.name == "product" && steps.count == 2 && steps.seconds == 64)
    #expect(steps.floatingPointOperationsPerSecond == 12.0 / 64 && steps.bytesPerSecond == 6.0 / 64)
    let evaluation = try #require(profile.operations.first { $0.phase == .evaluation })
    #expect(evaluation.seconds == 128 && evaluation.bytesPerSecond == nil)
  }

  @Test("without a profiler everything is done, and nothing kept")
  func none() throws {
    let profiler: Profiler? = nil
    #expect(profiler.during(.steps) { profiler.measure("product", .init()) { 7 } } == 7)
    #expect(throws: Failure.self) { try profiler.during(.data) { throw Failure() } }
  }

  @Test("the trace holds the first events, in the order in which they begin, around one another")
  func trace() throws {
    let clock = Clock()
    let profiler: Profiler? = Profiler(spanLimit: 3, clock: { clock.seconds })
    for _ in 0..<4 {
      profiler.during(.steps) {
        profiler.measure("product", .init(floatingPointOperations: 6)) { clock.seconds += 0.5 }
      }
    }
    let profile = try #require(profiler).profile()
    #expect(profile.droppedEvents == 5)
    let encoded = try profile.encoded()
    let json = try #require(
      try JSONSerialization.jsonObject(with: encoded) as? [String: Any])
    let events = try #require(json["traceEvents"] as? [[String: Any]])
    #expect(events.map { $0["name"] as? String } == ["steps", "product", "product"])
    #expect(events.map { $0["ts"] as? Double } == [0, 0, 5e5])
    #expect(events.map { $0["dur"] as? Double } == [5e5, 5e5, 5e5])
    #expect(events.allSatisfy { $0["ph"] as? String == "X" })
    #expect((events[1]["args"] as? [String: Any])?["floatingPointOperations"] as? Double == 6)
    #expect(try JSONDecoder().decode(TrainingProfile.self, from: encoded) == profile)
  }
}
