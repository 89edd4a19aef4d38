// SPDX-License-Identifier: Apache-2.0
import Growth

/// What growths make of the residual stream: each grown unit as the small model's units tell it.
struct StreamMap {
  private let maps: [UnitMap]

  init(_ path: GrowthPath) { maps = path.plans.map { $0.map(.stream) } }

  /// The grown model's row for a row of the small model's; nil where new units hold what nothing
  /// tells.
  func grown(_ row: [Double]) -> [Double?] {
    maps.reduce(row.map { $0 }) { row, map in map.grown(row) }
  }
}

extension UnitMap {
  /// The units that this map makes of others.
  fileprivate func grown(_ row: [Double?]) -> [Double?] {
    runs.flatMap { run -> [Double?] in
      switch run.source {
      case .units(let first):
        return row[first..<first + run.count].map { $0.map { $0 * run.forward } }
      case .mean:
        let known = row.compactMap { $0 }
        let mean = known.reduce(0, +) / Double(max(1, known.count))
        return Array(
          repeating: known.count == row.count ? mean * run.forward : nil, count: run.count)
      case .silent: return Array(repeating: 0, count: run.count)
      case .new, .blend: return Array(repeating: nil, count: run.count)
      }
    }
  }
}

/// What one block of a grown model is beside the small model.
struct LayerCounterpart: Hashable {
  /// The grown model's block.
  var layer: Int
  /// The small model's block that it comes from; nil for one that adds nothing.
  var smallLayer: Int?
  /// Blocks of the small model whose stream the grown one's is after this block.
  var smallCount: Int
}

extension GrowthPath {
  /// The grown model's blocks from the first on, as long as they do what the small model's do in order,
  /// or nothing.
  var counterparts: [LayerCounterpart] {
    var result: [LayerCounterpart] = []
    var count = 0
    for layer in 0..<target.layerCount {
      switch origin(of: layer) {
      case .identity:
        result.append(LayerCounterpart(layer: layer, smallLayer: nil, smallCount: count))
      case .block(let source) where source == count:
        count += 1
        result.append(LayerCounterpart(layer: layer, smallLayer: source, smallCount: count))
      default: return result
      }
    }
    return result
  }

  private enum Origin { case identity, new, block(Int) }

  private func origin(of layer: Int) -> Origin {
    var layer = layer
    for step in steps.reversed() {
      let source = step.plan.layers[layer]
      if source.isIdentity { return .identity }
      guard let earlier = source.layer else { return .new }
      layer = earlier
    }
    return .block(layer)
  }
}
