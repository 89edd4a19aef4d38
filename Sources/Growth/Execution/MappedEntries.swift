// SPDX-License-Identifier: Apache-2.0
import Architectures

extension [GrowthPlan] {
  /// Which entries of the grown parameters have a source, and so a gradient that the plans map.
  ///
  /// One mask for each parameter, row-major, in the order of the last plan's program; none for no
  /// plans. ``mapped(gradients:)`` holds zeros where a mask is false.
  package func mappedEntries() throws -> [[Bool]] {
    guard let first else { return [] }
    let all = try first.source.program().parameters.map {
      [Bool](repeating: true, count: $0.shape.elementCount)
    }
    return try reduce(all) { try $1.hasSource($0) }
  }
}

extension GrowthPlan {
  /// Which entries of the grown parameters come from an entry that has a source itself.
  ///
  /// Entries of blocks that start anew have none, though their values may be copies.
  ///
  /// - Parameter entries: the masks of the small model's parameters, each row-major.
  package func hasSource(_ entries: [[Bool]]) throws -> [[Bool]] {
    let small = try source.program().parameters
    return try tensors().map { growth in
      guard let source = growth.source, growth.keepsMoments, let columns = growth.axes.last else {
        return [Bool](repeating: false, count: growth.target.shape.elementCount)
      }
      let length = small[source].axes.last?.size ?? 1
      let rows = growth.axes.count > 1 ? growth.axes[0].sourceIndices : [0]
      return rows.flatMap { row in
        columns.sourceIndices.map { column in
          guard let row, let column else { return false }
          return entries[source][row * length + column]
        }
      }
    }
  }
}

extension AxisMap {
  /// The small axis's index that each index is a copy of; nil where it is none.
  fileprivate var sourceIndices: [Int?] {
    runs.flatMap { run -> [Int?] in
      guard case .indices(let first) = run.source else {
        return Array(repeating: nil, count: run.count)
      }
      return (first..<first + run.count).map { $0 }
    }
  }
}
