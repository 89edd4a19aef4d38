// SPDX-License-Identifier: Apache-2.0

/// Every growth that a plan may use, and the cheapest chains of them.
///
/// The compute of stages N₁ … Nₖ that are grown at the losses L₁ … Lₖ₋₁ and end at L is
///
///     cₖ · S(Nₖ, L) + Σ [cᵢ · S(Nᵢ, Lᵢ) − cᵢ₊₁ · S(Nᵢ₊₁, Lᵢ)]
///
/// where S(N, L) are the steps of a model from scratch to a loss, and c what a step costs. Each term
/// of the sum depends on one growth alone, so every growth has a best loss of its own, and a chain
/// is as good as the sum of its growths, as long as their losses fall along it.
struct GrowthGraph {
  /// A growth.
  struct Edge {
    var source: Int
    var target: Int
    var moment: GrowthMoment
    /// cᵢ · S(Nᵢ, Lᵢ) − cᵢ₊₁ · S(Nᵢ₊₁, Lᵢ); negative where growing pays.
    var cost: Double
  }

  /// Growths from the first stage to the target.
  struct Chain {
    var edges: [Edge]
    var cost: Double
  }

  /// The models; the target is the last.
  let models: [ModelCost]
  private let edges: [Edge]

  init(_ request: PlanRequest) throws {
    let target = try ModelCost(request.target, tokensPerStep: request.tokensPerStep)
    let smaller = try request.reachable.sources(of: request.target)
      .map { try ModelCost($0, tokensPerStep: request.tokensPerStep) }
      .filter { $0.parameterCount > 0 && $0.parameterCount < target.parameterCount }
      .sorted { $0.parameterCount < $1.parameterCount }
    models = smaller + [target]
    edges = Self.edges(models, request)
  }

  private static func edges(_ models: [ModelCost], _ request: PlanRequest) -> [Edge] {
    var edges: [Edge] = []
    for (j, large) in models.enumerated() {
      for (i, small) in models[..<j].enumerated() {
        let ratio = Double(large.parameterCount) / Double(small.parameterCount)
        guard request.sizeRatios.contains(ratio),
          let edge = edge(from: i, small: small, to: j, large: large, for: request),
          request.reachable.obstacle(from: small.configuration, to: large.configuration) == nil
        else { continue }
        edges.append(edge)
      }
    }
    return edges
  }

  private static func edge(
    from i: Int, small: ModelCost, to j: Int, large: ModelCost, for request: PlanRequest
  ) -> Edge? {
    let smallCost = small.flopsPerStep(request.computeCount)
    let largeCost = large.flopsPerStep(request.computeCount)
    let moment = request.law.bestGrowth(
      from: Double(small.parameterCount), to: Double(large.parameterCount),
      costRatio: largeCost / smallCost)
    guard let moment, moment.smallSteps <= request.latestGrowthStep ?? .infinity else { return nil }
    let cost = smallCost * moment.smallSteps - largeCost * moment.largeSteps
    return cost < 0 ? Edge(source: i, target: j, moment: moment, cost: cost) : nil
  }

  /// The cheapest chains to the target, of each number of growths, for each last growth.
  func chains(growths: ClosedRange<Int>) -> [Chain] {
    var chains: [Chain] = []
    // For each edge, the cheapest chain that ends with it: its cost and the edge before.
    var costs: [Double?] = edges.map(\.cost)
    var parents: [[Int?]] = [edges.map { _ in nil }]
    for count in 1...max(1, growths.upperBound) {
      if count > 1 {
        let longer = extended(costs)
        costs = longer.map { $0?.cost }
        parents.append(longer.map { $0?.parent })
      }
      guard growths.contains(count) else { continue }
      for (index, edge) in edges.enumerated() where edge.target == models.count - 1 {
        guard let cost = costs[index] else { continue }
        chains.append(Chain(edges: path(to: index, parents), cost: cost))
      }
    }
    return chains
  }

  private func path(to last: Int, _ parents: [[Int?]]) -> [Edge] {
    var path = [edges[last]]
    var index = last
    for level in parents.reversed() {
      guard let parent = level[index] else { break }
      path.append(edges[parent])
      index = parent
    }
    return path.reversed()
  }

  /// Chains with one growth more: before each edge the cheapest chain that ends at its source, at a
  /// higher loss.
  private func extended(_ costs: [Double?]) -> [(cost: Double, parent: Int)?] {
    let incoming = Dictionary(grouping: edges.indices, by: { edges[$0].target })
      .mapValues { indices in Ranking(indices.filter { costs[$0] != nil }, edges, costs) }
    return edges.map { edge in
      guard let best = incoming[edge.source]?.best(above: edge.moment.loss) else { return nil }
      return (best.cost + edge.cost, best.index)
    }
  }
}

/// The cheapest of several chains above a loss.
private struct Ranking {
  /// Losses of the last growths, falling.
  private var losses: [Double] = []
  /// The cheapest chain up to each place.
  private var cheapest: [(cost: Double, index: Int)] = []

  init(_ indices: [Int], _ edges: [GrowthGraph.Edge], _ costs: [Double?]) {
    let sorted = indices.sorted { edges[$0].moment.loss > edges[$1].moment.loss }
    for index in sorted {
      guard let cost = costs[index] else { continue }
      let before = cheapest.last
      losses.append(edges[index].moment.loss)
      if let before, before.cost <= cost {
        cheapest.append(before)
      } else {
        cheapest.append((cost, index))
      }
    }
  }

  func best(above loss: Double) -> (cost: Double, index: Int)? {
    var low = 0
    var high = losses.count
    while low < high {
      let middle = (low + high) / 2
      if losses[middle] > loss { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? cheapest[low - 1] : nil
  }
}
