// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation

/// Smaller models of a target's kind, to train briefly so that a law can be fitted.
public enum PilotModels {
  /// Chooses models with 1/r, 1/r², 1/r³ … of the target's parameters without embeddings, as near as
  /// the reachable ones come, and of a shape like the target's.
  ///
  /// - Parameters:
  ///   - target: the model to plan for.
  ///   - count: how many.
  ///   - ratio: r, above 1.
  ///   - reachable: which models can be grown into the target.
  /// - Returns: different models, the smallest first.
  /// - Throws: ``PlanningError`` where there are too few, and `ArchitecturesError` where the target
  ///   contradicts itself.
  public static func choose(
    for target: ModelConfiguration, count: Int = 3, ratio: Double = 3,
    reachable: any ReachableConfigurations = IntegerGrowth()
  ) throws -> [ModelConfiguration] {
    try PlanningError.checkValue(count >= 2, "sizes") {
      "\(count); expected at least 2 model sizes"
    }
    try PlanningError.checkValue(ratio > 1 && ratio.isFinite, "ratio") {
      "\(ratio); expected a number above 1"
    }
    let size = Double(try target.parameterCount().withoutEmbeddings)
    var candidates = try reachable.sources(of: target).map {
      (model: $0, size: Double(try $0.parameterCount().withoutEmbeddings))
    }
    var chosen: [(model: ModelConfiguration, size: Double)] = []
    for power in 1...count {
      let goal = size / pow(ratio, Double(power))
      func distance(_ candidate: (model: ModelConfiguration, size: Double)) -> Double {
        abs(log(candidate.size / goal)) + 0.3 * abs(log(shape(candidate.model) / shape(target)))
      }
      guard let best = candidates.min(by: { distance($0) < distance($1) }) else { break }
      chosen.append(best)
      candidates.removeAll { $0.size == best.size }
    }
    guard chosen.count == count else {
      throw PlanningError(
        .insufficientData,
        "\(chosen.count) of \(count) smaller models can be grown into the target; ask for fewer sizes, or "
          + "give the target more layers or a width with more divisors",
        subject: "sizes")
    }
    return chosen.sorted { $0.size < $1.size }.map(\.model)
  }

  private static func shape(_ model: ModelConfiguration) -> Double {
    Double(model.hiddenSize) / Double(model.layerCount)
  }
}
