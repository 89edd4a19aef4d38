// SPDX-License-Identifier: Apache-2.0
import CPUEngine
import Foundation
import GoldenModels
import Interpretation
import Testing
import Training

extension GoldenModel {
  /// What transformers makes of a row of tokens.
  struct Evaluation: Decodable {
    var tokens: [Int32]
    var windows: [Window]
    var promptCount: Int
    var continuation: [Int32]
  }

  struct Window: Decodable {
    var context: Int
    var stride: Int
    var loss: Double
    var greedy: Int
  }

  func languageModel(_ engine: some TrainingEngine) throws -> any LanguageModel {
    try engine.makeLanguageModel(for: program(), parameters: parameters(), precision: .fp32)
  }

  func evaluation() throws -> Evaluation {
    let all = try readGolden([String: Evaluation].self, "evaluation.json")
    return try #require(all[name])
  }
}

/// Reads a golden.
func readGolden<Value: Decodable>(_ type: Value.Type, _ file: String) throws -> Value {
  try JSONDecoder().decode(
    type, from: Data(contentsOf: Bundle.module.bundleURL.appending(path: "Goldens/\(file)")))
}

/// A folder that is gone afterwards.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appending(
    path: "espalier-evaluation-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}
