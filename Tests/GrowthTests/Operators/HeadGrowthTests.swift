// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Growth
import Testing

struct HeadGrowthTests {
  /// Query and key/value heads, before and after.
  struct Case: Sendable {
    var from: (Int, Int)
    var to: (Int, Int)
    var keepsMoments = true
  }

  static let reachable: [Case] = [
    Case(from: (3, 3), to: (5, 5)), Case(from: (3, 3), to: (10, 5)),
    Case(from: (2, 2), to: (8, 2)), Case(from: (4, 2), to: (6, 2)),
    Case(from: (4, 2), to: (10, 2)), Case(from: (4, 2), to: (6, 3)),
    Case(from: (4, 2), to: (15, 5)), Case(from: (3, 1), to: (5, 1)),
    Case(from: (3, 1), to: (7, 1)), Case(from: (1, 1), to: (4, 4)),
    Case(from: (4, 2), to: (4, 4), keepsMoments: false),
    Case(from: (3, 1), to: (4, 2), keepsMoments: false),
    Case(from: (3, 1), to: (3, 3), keepsMoments: false),
    Case(from: (6, 2), to: (10, 5), keepsMoments: false),
  ]

  @Test(arguments: reachable.indices, Architecture.allCases) func groupsStayRight(
    _ index: Int, _ architecture: Architecture
  ) throws {
    let heads = Self.reachable[index]
    for tiesHead in [true, false] {
      let model = ModelConfiguration.small(
        architecture, tiesHead: tiesHead, heads: heads.from.0, keyValueHeads: heads.from.1)
      let growth = HeadGrowth(queryHeads: heads.to.0, keyValueHeads: heads.to.1)
      let grown = try GrownModel(growth, of: SmallModel(model, seed: 4))
      #expect(grown.guarantees.contains(.moments) == heads.keepsMoments)
      #expect(grown.configuration.headCount == heads.to.0)
      #expect(grown.configuration.keyValueHeadCount == heads.to.1)
      try grown.checkPromises()
    }
  }

  @Test(arguments: GoldenModel.all) func goldenModelsKeepTheirPromises(
    _ golden: GoldenModel
  ) throws {
    let small = try SmallModel(golden)
    let groups = small.configuration.keyValueHeadCount
    try GrownModel(HeadGrowth(queryHeads: 8, keyValueHeads: groups), of: small).checkPromises()
    try GrownModel(HeadGrowth(queryHeads: 10, keyValueHeads: 5), of: small).checkPromises()
    try GrownModel(HeadGrowth(queryHeads: 8), of: small).checkPromises()
  }

  @Test func copiesPart() throws {
    let model = ModelConfiguration.small(
      .llama, tiesHead: false, layers: 1, heads: 2, keyValueHeads: 1)
    let grown = try GrownModel(
      HeadGrowth(queryHeads: 8, keyValueHeads: 2), of: SmallModel(model, seed: 5))
    let trained = try grown.trained(steps: 8)
    let index = try #require(
      grown.program.parameters.firstIndex { $0.role == .weight(.query) })
    func head(_ number: Int, _ values: [[Double]]) -> ArraySlice<Double> {
      values[index][number * 32..<(number + 1) * 32]
    }
    // Heads 0, 2, 4, 6 are copies of each other, in two groups.
    for (first, second) in [(0, 2), (0, 4), (0, 6), (2, 4), (2, 6), (4, 6)] {
      #expect(head(first, grown.values).elementsEqual(head(second, grown.values)))
      let distance = zip(head(first, trained), head(second, trained))
        .reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(distance > 1e-6, "heads \(first) and \(second)")
    }
  }

  /// Repeating all query heads as they lie gives heads to keys that are not theirs.
  @Test func tilingGroupedHeadsWouldBreakTheModel() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: true, heads: 4, keyValueHeads: 2)
    var plans = try HeadGrowth(queryHeads: 8, keyValueHeads: 2).plans(from: model)
    let half = 4 * model.headSize
    let tiled = UnitMap(
      sourceCount: half,
      runs: (0..<2).map { UnitMap.Run(.units(0), count: half, backward: 0.5, copy: $0) })
    plans[0].maps[.query] = tiled
    plans[0].maps[.attended] = tiled
    #expect(try GrownModel(plans, of: SmallModel(model, seed: 6)).logitsError > 1e-3)
  }

  @Test func unreachableNumbersAreRefusedWithWhatWouldDo() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: true, heads: 6, keyValueHeads: 2)
    func message(_ queryHeads: Int, _ keyValueHeads: Int?) -> String {
      let error = #expect(throws: GrowthError.self) {
        try HeadGrowth(queryHeads: queryHeads, keyValueHeads: keyValueHeads).plans(from: model)
      }
      #expect(error?.code == .unreachable)
      return error?.description ?? ""
    }
    #expect(message(4, 2).contains("6 and more"))
    #expect(message(8, 1).contains("2 and more"))
    #expect(message(7, 2).contains("6 or 8 query heads"))
    // Three key/value heads leave one old group with one copy, which must take three heads.
    #expect(message(6, 3).contains("9 query heads would do"))
    #expect(message(1 << 20, 3).contains("does not divide"))
    #expect(message(.max, 2).contains("is more than 1048576"))
    #expect(throws: (any Error).self) {
      try HeadGrowth(queryHeads: .max - 1, keyValueHeads: 2).plans(from: model)
    }
    #expect(throws: (any Error).self) {
      try HeadGrowth(queryHeads: 6, keyValueHeads: 0).plans(from: model)
    }
    #expect(try HeadGrowth(queryHeads: 6).plans(from: model).isEmpty)
  }
}
