// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

/// Whether a run that is killed at any moment goes on as if nothing had happened.
@Suite("Killed runs", .serialized)
struct KillTests {
  /// A run that nobody disturbed.
  private func unbroken(_ place: CommandWorkplace, _ options: [String] = []) throws {
    let result = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "unbroken", "--threads", "1", "--quiet"] + options,
      in: place.url)
    #expect(result.status == 0, "\(result.errors)")
    #expect(try place.loggedSteps("unbroken").map(\.step).starts(with: 1...40))
  }

  /// Starts the run `broken`, or goes on with it where it was begun.
  private func start(_ place: CommandWorkplace) throws -> BuiltCommand {
    let way = place.run("broken").holdsRun ? ["--resume"] : ["recipe.yaml"]
    return try BuiltCommand(
      ["train", "-o", "broken", "--threads", "1", "--quiet"] + way, in: place.url)
  }

  private func finishAndCompare(_ place: CommandWorkplace) throws {
    let result = try start(place).wait()
    #expect(result.status == 0, "\(result.errors)")
    #expect(try place.loggedSteps("broken") == place.loggedSteps("unbroken"))
    #expect(try place.loggedEvaluations("broken") == place.loggedEvaluations("unbroken"))
    #expect(try place.lastTensors("broken") == place.lastTensors("unbroken"))
    #expect(try place.lastTensors("broken").count == 2)
  }

  /// Kills the run `broken` so many times.
  ///
  /// Each time comes at most so many microseconds after it has the steps that `goal` names for the kills and
  /// steps so far. On a busy machine it may end before: then it is compared and begun anew.
  private func kill(
    _ place: CommandWorkplace, times: Int, within delay: (_ kills: Int) -> Int,
    at goal: (_ kills: Int, _ steps: Int) -> Int
  ) throws {
    var kills = 0
    for _ in 0..<20 * times where kills < times {
      let command = try start(place)
      let goal = goal(kills, place.stepsSoFar("broken"))
      while command.isRunning, place.stepsSoFar("broken") < goal { usleep(300) }
      usleep(UInt32(delay(kills)))
      command.send(SIGKILL)
      let result = try command.wait()
      #expect(result.endedBySignal || result.status == 0, "\(result.errors)")
      if result.endedBySignal {
        kills += 1
      } else {
        try finishAndCompare(place)
        try FileManager.default.removeItem(at: place.run("broken").url)
      }
    }
    #expect(kills == times)
  }

  @Test("killed at random moments, the run has the same losses bit for bit", arguments: [1, 2])
  func randomMoments(seed: UInt64) throws {
    let place = try CommandWorkplace()
    try unbroken(place)
    var random = SeededRandom(seed: seed)
    var kills = 0
    for _ in 0..<8 {
      let command = try start(place)
      // Half of the kills anywhere from the very start, half after some steps of training.
      let steps = place.stepsSoFar("broken")
      let goal = random.next(below: 2) == 0 ? 0 : steps + 1 + random.next(below: 4)
      while command.isRunning, place.stepsSoFar("broken") < goal { usleep(500) }
      usleep(UInt32(random.next(below: goal == 0 ? 400_000 : 30_000)))
      command.send(SIGKILL)
      let result = try command.wait()
      #expect(result.endedBySignal || result.status == 0, "\(result.errors)")
      if result.endedBySignal { kills += 1 }
    }
    #expect(kills > 0)
    try finishAndCompare(place)
  }

  @Test(
    "a run that meets a spike has the same losses, wherever it is killed",
    arguments: [TroubleAction.skip, .rollback])
  func spiked(action: TroubleAction) throws {
    let place = try CommandWorkplace(recipe: .spiked(action))
    try unbroken(place)
    let troubles = try place.troubles("unbroken")
    #expect(!troubles.isEmpty)
    #expect(troubles.allSatisfy { $0.event == (action == .skip ? .batchSkipped : .rolledBack) })
    var random = SeededRandom(seed: action == .skip ? 5 : 6)
    try kill(place, times: 5, within: { _ in random.next(below: 15_000) }) { kills, steps in
      // Every second kill near the spike.
      kills % 2 == 0 ? max(steps, 23) : steps + random.next(below: 3)
    }
    try finishAndCompare(place)
    #expect(try place.troubles("broken") == troubles)
  }

  @Test("a staged run killed at random moments has the same losses and the same grown weights")
  func stagedRandomMoments() throws {
    let place = try CommandWorkplace(recipe: .staged)
    try unbroken(place)
    var random = SeededRandom(seed: 3)
    try kill(place, times: 9, within: { random.next(below: $0 % 3 == 0 ? 60_000 : 20_000) }) {
      kills, steps in
      // Every third kill falls into the growth: as soon as the small model's stage is over.
      kills % 3 == 0 ? 15 : steps + random.next(below: 3)
    }
    try finishAndCompare(place)
    #expect(try place.growths("broken") == place.growths("unbroken"))
    #expect(try place.growths("unbroken").count == 2)
  }

  @Test("killed in the middle of saving a checkpoint, the run has the same losses bit for bit")
  func whileSaving() throws {
    let place = try CommandWorkplace()
    try unbroken(place)
    var killsWhileSaving = 0
    var steps = 0
    for _ in 0..<12 where killsWhileSaving < 4 {
      steps = place.stepsSoFar("broken")
      let command = try start(place)
      while command.isRunning, place.stepsSoFar("broken") <= steps || !place.isSaving("broken") {}
      command.send(SIGKILL)
      let result = try command.wait()
      // What is half written stays behind; the next session removes it.
      if result.endedBySignal, place.isSaving("broken") { killsWhileSaving += 1 }
      if !result.endedBySignal { break }
    }
    #expect(killsWhileSaving > 0)
    try finishAndCompare(place)
    #expect(!place.isSaving("broken"))
  }

  @Test(
    "interrupted by Ctrl-C, the run saves, says how to go on, and has the same losses",
    arguments: ["train", "run"])
  func interrupt(_ name: String) throws {
    let place = try CommandWorkplace()
    // Steps long enough that a busy machine does not finish the run before it hears of Ctrl-C.
    let long = ["--set", "batch.accumulate=100"]
    try unbroken(place, long)
    let command = try BuiltCommand(
      [name, "recipe.yaml", "-o", "broken", "--threads", "1", "--set", "checkpoint=none"]
        + long, in: place.url)
    while command.isRunning, place.stepsSoFar("broken") < 3 { usleep(500) }
    command.send(SIGINT)
    let result = try command.wait()
    #expect(!result.endedBySignal)
    #expect(result.status == 130)
    #expect(result.output.contains("Go on with: espalier \(name) -o broken --resume"))
    let steps = place.stepsSoFar("broken")
    #expect(try CheckpointStore(place.run("broken").checkpoints).list().map(\.step) == [steps])
    try finishAndCompare(place)
  }

  @Test("interrupted twice, the run ends at once and loses at most the last steps")
  func interruptTwice() throws {
    let place = try CommandWorkplace()
    try unbroken(place)
    let command = try start(place)
    while command.isRunning, place.stepsSoFar("broken") < 3 { usleep(500) }
    command.send(SIGINT)
    // Signals closer together than a person types are those of `timeout`, and count once.
    usleep(150_000)
    command.send(SIGINT)
    let result = try command.wait()
    #expect(!result.endedBySignal)
    #expect(result.status == 130)
    try finishAndCompare(place)
  }
}
