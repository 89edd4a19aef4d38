// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Growth
import Testing
import Training

@Suite("Where a schedule goes on after a growth") struct SchedulePlacementTests {
  private let small = ModelConfiguration(
    architecture: .gpt2, layerCount: 2, hiddenSize: 16, headCount: 2, intermediateSize: 64,
    vocabularySize: 32, contextLength: 8, tiesHead: true)
  private let schedule = LearningRateSchedule(
    peak: 1e-3, warmup: .steps(30), total: .steps(100))

  private func continuation(
    _ placement: SchedulePlacement, layers: Int = 2, rewarmup: TrainingDuration? = nil,
    warmup: TrainingDuration = .steps(30)
  ) throws -> ScheduleContinuation {
    var (source, target, schedule) = (small, small, schedule)
    source.layerCount = layers
    target.layerCount = 4
    schedule.warmup = warmup
    return try placement.continuation(from: source, to: target, on: schedule, rewarmup: rewarmup)
  }

  @Test func automaticMovesByTheRatioOfSizesAndWarmsUpAgain() throws {
    var large = small
    large.layerCount = 4
    let ratio = try ScheduleRatio.fitted.value(from: small, to: large)
    #expect(ratio > 1.3)
    #expect(try continuation(.automatic) == .repositioned(ratio: ratio, rewarmup: .steps(2)))
    // A warm-up too short to have a fifteenth.
    #expect(
      try continuation(.automatic, warmup: .steps(14)) == .repositioned(ratio: ratio, rewarmup: nil)
    )
  }

  @Test func aModelWithoutLayersGoesOnWhereItStands() throws {
    #expect(try continuation(.automatic, layers: 0) == .continued)
    #expect(
      try continuation(.ratio(1.5), layers: 0) == .repositioned(ratio: 1.5, rewarmup: .steps(2)))
  }

  @Test func aKeptScheduleWarmsUpOnlyWhereAsked() throws {
    #expect(try continuation(.kept) == .continued)
    #expect(try continuation(.ratio(1)) == .continued)
    #expect(
      try continuation(.kept, rewarmup: .steps(5))
        == .repositioned(ratio: 1, rewarmup: .steps(5)))
    #expect(try continuation(.kept, rewarmup: .steps(0)) == .continued)
  }

  @Test func aGivenRewarmupTakesThePlaceOfTheUsualOne() throws {
    #expect(
      try continuation(.ratio(2), rewarmup: .tokens(7))
        == .repositioned(ratio: 2, rewarmup: .tokens(7)))
    #expect(
      try continuation(.ratio(2), rewarmup: .steps(0)) == .repositioned(ratio: 2, rewarmup: nil))
  }

  /// A model that grows in its vocabulary alone has as many parameters without embeddings.
  @Test func aRatioIsNeverBelowOne() throws {
    #expect(
      try SchedulePlacement.automatic.continuation(from: small, to: small, on: schedule)
        == .continued)
  }

  @Test func aGrowthUnlessToldOtherwiseMovesTheSchedule() throws {
    let state = try SharingTests.state(SharingTests.model(.gpt2))
    for (growth, placement) in [
      (WidthGrowth(factor: 2), SchedulePlacement.automatic),
      (WidthGrowth(factor: 2, symmetry: .kept, learningRates: .smallTrajectory), .kept),
    ] {
      let path = try growth.path(from: state.status.model)
      #expect(SchedulePlacement.usual(after: path) == placement)
      let expected = try placement.continuation(
        from: state.status.model, to: path.target, on: state.status.training.schedule)
      let position = try growth.grown(state).status.position
      #expect(
        try position
          == growth.grown(state, options: GrowthOptions(schedule: expected))
          .status.position)
      // On disk, and in the receipt, which says what was done.
      let folder = TestFolder()
      try state.write(to: folder["small"], tokenizer: nil)
      let onDisk = try ModelGrowth(of: GrowthSource(reading: folder["small"]), by: growth)
      #expect(onDisk.options.schedule == expected)
      #expect(onDisk.grownStatus()?.position == position)
    }
  }

  @Test func weightsAloneHaveNoSchedule() throws {
    let folder = TestFolder()
    try SharingTests.state(SharingTests.model(.gpt2)).write(to: folder["small"], tokenizer: nil)
    let source = try GrowthSource(reading: folder["small"], weightsOnly: true)
    #expect(
      try ModelGrowth(of: source, by: WidthGrowth(factor: 2)).options.schedule == .continued)
    #expect(throws: GrowthError.self) {
      try ModelGrowth(
        of: source, by: WidthGrowth(factor: 2),
        options: GrowthOptions(schedule: .repositioned(ratio: 2, rewarmup: nil)))
    }
    // Nor multipliers of learning rates, without which the trajectory is another.
    #expect(throws: GrowthError.self) {
      try ModelGrowth(
        of: source,
        by: WidthGrowth(factor: 2, symmetry: .kept, learningRates: .smallTrajectory))
    }
  }
}
