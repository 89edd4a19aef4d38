// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

@Suite("Runs that go on with a grown checkpoint") struct GrownRunTests {
  /// Trains the workplace's recipe without dropout to a step.
  private func train(
    _ place: CommandWorkplace, _ name: String, to steps: Int, from checkpoint: URL? = nil
  ) throws {
    let settings = [
      "stop.after=\(steps) steps", "noiseScale.every=1000 steps", "optimizer.clip=1e9",
      "optimizer.weightDecay=0",
      checkpoint == nil ? "model.dropout=0" : nil,
    ].compactMap { $0 }
    var file = try RecipeFile(
      contentsOf: place.url.appending(path: checkpoint == nil ? "recipe.yaml" : "grown.yaml"))
    file.overrides = try settings.map { try RecipeOverride(parsing: $0) }
    let run = try TrainingRun.create(
      place.run(name).url, recipe: file, startingFrom: checkpoint, with: .wholeState, threads: 1)
    _ = try run.train(engine: CPUTrainingEngine(threads: 1))
  }

  private func workplace() throws -> CommandWorkplace {
    let place = try CommandWorkplace()
    let recipe = try String(contentsOf: place.url.appending(path: "recipe.yaml"), encoding: .utf8)
    try Data(
      recipe.split(separator: "\n").filter { !$0.hasPrefix("model") }.joined(separator: "\n").utf8
    ).write(to: place.url.appending(path: "grown.yaml"))
    return place
  }

  @Test("the first loss is the unbroken run's, and every count goes on")
  func goesOn() throws {
    let place = try workplace()
    try train(place, "small", to: 12)
    try train(place, "unbroken", to: 16)
    let target = place.url.appending(path: "large")
    let source = try GrowthSource(reading: place.run("small").url)
    try ModelGrowth(
      of: source, by: WidthGrowth(factor: 2).then(DepthGrowth(factor: 3)),
      options: GrowthOptions(seed: 1, schedule: .continued)
    ).write(to: target)
    try train(place, "grown", to: 16, from: target)

    let unbroken = try place.loggedSteps("unbroken")
    let grown = try place.loggedSteps("grown")
    #expect(grown.map(\.step) == [13, 14, 15, 16])
    let (expected, first) = (try #require(unbroken.first { $0.step == 13 }), grown[0])
    #expect(abs(first.loss - expected.loss) < 1e-5 * expected.loss)
    #expect(first.tokens == expected.tokens)
    #expect(first.learningRate == expected.learningRate)
    let state = try TrainingState(
      reading: CheckpointStore(place.run("grown").checkpoints).url(step: 16))
    #expect(Set(state.parameters.map(\.stepCount)) == [4, 16])
    #expect(state.status.lineage.map(\.operation).suffix(1) == ["continued"])
    #expect(state.status.lineage.map(\.step) == [0, 12, 12])
  }

  @Test("the small model's trajectory goes on for steps, where that is promised")
  func trajectory() throws {
    let place = try workplace()
    try train(place, "small", to: 12)
    try train(place, "unbroken", to: 22)
    let target = place.url.appending(path: "large")
    let growth = try ModelGrowth(
      of: GrowthSource(reading: place.run("small").url),
      by: WidthGrowth(factor: 2, symmetry: .kept, learningRates: .smallTrajectory))
    #expect(growth.guarantees.contains(.trajectory))
    try growth.write(to: target)
    try train(place, "grown", to: 22, from: target)
    let unbroken = try place.loggedSteps("unbroken").suffix(10)
    let grown = try place.loggedSteps("grown")
    #expect(grown.count == 10)
    for (one, other) in zip(grown, unbroken) {
      #expect(abs(one.loss - other.loss) < 1e-4 * other.loss, "step \(one.step)")
    }
  }

  @Test("a run that was grown resumes bit for bit")
  func resumes() throws {
    let place = try workplace()
    try train(place, "small", to: 6)
    let target = place.url.appending(path: "large")
    try ModelGrowth(
      of: GrowthSource(reading: place.run("small").url), by: DepthGrowth(factor: 2),
      options: GrowthOptions(schedule: .repositioned(ratio: 1.5, rewarmup: .steps(2)))
    ).write(to: target)
    try train(place, "unbroken", to: 14, from: target)
    try train(place, "broken", to: 9, from: target)
    let overrides = [try RecipeOverride(parsing: "stop.after=14 steps")]
    _ = try TrainingRun.resume(place.run("broken").url, overrides: overrides)
      .train(engine: CPUTrainingEngine(threads: 1))
    #expect(try place.loggedSteps("broken") == place.loggedSteps("unbroken"))
    #expect(try place.lastTensors("broken") == place.lastTensors("unbroken"))
  }

  @Test("other data are read from their start, which is told; weights alone are refused")
  func otherData() throws {
    let place = try workplace()
    try train(place, "small", to: 2)
    let store = CheckpointStore(place.run("small").checkpoints)
    var file = try RecipeFile(contentsOf: place.url.appending(path: "grown.yaml"))
    file.overrides = [
      try RecipeOverride(parsing: "stop.after=3 steps"),
      try RecipeOverride(parsing: "data.validation.fraction=0.3"),
    ]
    let run = try TrainingRun.create(
      place.run("other").url, recipe: file, startingFrom: store.url(step: 2), with: .wholeState)
    nonisolated(unsafe) var notes: [String] = []
    _ = try run.train(
      engine: CPUTrainingEngine(threads: 1),
      observer: { if case .note(let note) = $0 { notes.append(note) } })
    #expect(notes.contains { $0.contains("read from their start") })
    #expect(try place.loggedSteps("other").map(\.step) == [3])

    try FileManager.default.removeItem(
      at: store.url(step: 2).appending(path: "training_state.json"))
    let error = #expect(throws: StagingError.self) {
      try TrainingRun.create(
        place.run("third").url, recipe: file, startingFrom: store.url(step: 2), with: .wholeState)
    }
    #expect(error?.message.contains("weights alone") == true)
    #expect(!place.run("third").holdsRun)
  }
}
