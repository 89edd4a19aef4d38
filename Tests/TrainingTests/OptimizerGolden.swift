// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What `Scripts/reference/optimizer_goldens.py` wrote.
struct OptimizerGolden: Decodable {
  var warmup: Int
  var total: Int
  var peak: Double
  var floor: Double
  var cosine: [Double]
  var linear: [Double]
  var names: [String]
  var shapes: [[Int]]
  var losses: [Double]
  var gradientNorms: [Double]
  var parameters: [NestedNumbers]
  var firstMoments: [NestedNumbers]
  var secondMoments: [NestedNumbers]

  static func load() throws -> OptimizerGolden {
    guard
      let url = Bundle.module.url(forResource: "Goldens/optimizer", withExtension: "json")
    else { throw CocoaError(.fileNoSuchFile) }
    return try JSONDecoder().decode(OptimizerGolden.self, from: Data(contentsOf: url))
  }
}

/// Numbers in nested lists, flattened.
struct NestedNumbers: Decodable {
  var flat: [Double]

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Double.self) {
      flat = [number]
    } else {
      flat = try container.decode([NestedNumbers].self).flatMap(\.flat)
    }
  }
}
