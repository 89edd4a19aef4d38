// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Growth
import Testing

struct HeadSizeGrowthTests {
  @Test(arguments: ModelConfiguration.families) func widerHeadsComputeTheSame(
    _ model: ModelConfiguration
  ) throws {
    let small = try SmallModel(model, seed: 7)
    for size in model.family == .llama ? [8, 12, 20] : [5, 7, 8, 13] {
      let grown = try GrownModel(HeadSizeGrowth(to: size), of: small)
      #expect(grown.guarantees == [.loss, .moments, .symmetry, .liveness])
      try grown.checkPromises()
    }
  }

  @Test(arguments: GoldenModel.all) func goldenModelsKeepTheirPromises(
    _ golden: GoldenModel
  ) throws {
    let small = try SmallModel(golden)
    for factor in [2, 3] {
      let growth = HeadSizeGrowth(to: factor * small.configuration.headSize)
      try GrownModel(growth, of: small).checkPromises()
    }
  }

  /// γ is √(d/d′) for queries and 1 for keys, whatever else one may read.
  @Test func onlyQueriesGradientsShrink() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: true)
    let small = try SmallModel(model, seed: 8)
    for (query, key) in [(0.5.squareRoot(), 2.0.squareRoot()), (1, 1)] {
      var plans = try HeadSizeGrowth(to: 8).plans(from: model)
      plans[0].maps[.query] = plans[0].map(.query).withBackward(query)
      plans[0].maps[.key] = plans[0].map(.key).withBackward(key)
      #expect(try GrownModel(plans, of: small).gradientsError() > 0.1)
    }
  }

  /// Components that simply follow each other turn at other frequencies.
  @Test func appendedPairsWouldBreakRotaryModels() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: true)
    let small = try SmallModel(model, seed: 9)
    var plans = try HeadSizeGrowth(to: 8).plans(from: model)
    let root = 2.0.squareRoot()
    func appended(_ others: UnitMap.Source, _ forward: Double) -> UnitMap {
      UnitMap(
        sourceCount: 8,
        runs: (0..<2).flatMap {
          [
            UnitMap.Run(.units($0 * 4), count: 4, forward: forward, backward: 1 / forward),
            UnitMap.Run(others, count: 4),
          ]
        })
    }
    plans[0].maps[.query] = appended(.new, root)
    plans[0].maps[.key] = appended(.silent, 1)
    #expect(try GrownModel(plans, of: small).logitsError > 1e-3)
  }

  @Test func otherMultiplesAreRefusedForRotaryModels() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: true)
    let error = #expect(throws: GrowthError.self) { try HeadSizeGrowth(to: 10).plans(from: model) }
    #expect(error?.code == .unreachable)
    #expect(error?.message.contains("8 or 12 would do") ?? false)
    #expect(throws: GrowthError.self) { try HeadSizeGrowth(to: 2).plans(from: model) }
    #expect(throws: (any Error).self) { try HeadSizeGrowth(to: .max - 3).plans(from: model) }
    #expect(try HeadSizeGrowth(to: 4).plans(from: model).isEmpty)
  }
}

extension UnitMap {
  /// The same with another factor on the gradients of copies.
  fileprivate func withBackward(_ backward: Double) -> UnitMap {
    UnitMap(
      sourceCount: sourceCount,
      runs: runs.map { run in
        var run = run
        run.backward = backward
        return run
      })
  }
}
