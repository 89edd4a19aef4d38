// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Testing
import Training

@Suite("Saving into a store") struct CheckpointStoreSavingTests {
  /// Saves states of these steps with their validation losses, and says what is left.
  private func steps(
    keep: Int?, goodStep: Int? = nil, _ states: [(step: Int, loss: Double?)]
  ) throws -> [Int] {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    let store = CheckpointStore(folder)
    var state = try Quadratic.state(Quadratic.training(stop: StopConditions(after: .steps(9))))
    for (step, loss) in states {
      state.status.progress.steps = step
      state.status.validationLoss = loss
      state.status.health = TrainingHealth()
      state.status.health?.goodStep = goodStep
      try store.save(state, keep: keep, tokenizer: nil)
    }
    return try store.list().map(\.step)
  }

  @Test("the best by validation stays, however many useless ones come after it") func best() throws
  {
    let spiked: [(Int, Double?)] = [(1, 5), (2, 3), (3, 3), (4, 9), (5, 9), (6, 9), (7, .some(8))]
    #expect(try steps(keep: 2, spiked) == [2, 6, 7])
    #expect(try steps(keep: 1, [(1, nil), (2, nil), (3, nil)]) == [3])
    #expect(try steps(keep: 1, [(1, 5), (2, 4), (3, 3)]) == [3])
    #expect(try steps(keep: nil, spiked) == [1, 2, 3, 4, 5, 6, 7])
  }

  @Test("the newest good one stays as long as it is that") func good() throws {
    #expect(try steps(keep: 1, goodStep: 1, [(1, nil), (2, nil), (3, nil)]) == [1, 3])
    #expect(
      try steps(keep: 2, goodStep: 2, [(1, 1), (2, 3), (3, 3), (4, 3), (5, 3)]) == [1, 2, 4, 5])
  }
}
