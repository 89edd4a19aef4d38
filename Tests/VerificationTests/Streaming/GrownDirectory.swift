// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import GoldenModels
import Growth
import Tensors
import Testing
import Text
import Training
import Verification

/// A golden model of a family and what grew of it, as directories; removed with this.
final class GrownDirectory {
  let golden: FamilyGolden
  let url = FileManager.default.temporaryDirectory
    .appending(path: "espalier-grown-\(UUID().uuidString)", directoryHint: .isDirectory)
  let plans: [GrowthPlan]
  /// The type of the grown model's numbers.
  let type: DType

  init(_ name: String, _ growth: some GrowthOperator, type: DType? = nil) throws {
    golden = FamilyGolden(name: name)
    let directory = try golden.directory()
    plans = try growth.plans(from: directory.configuration.model)
    let type = type ?? directory.tensors.entries.first?.dtype ?? .float32
    self.type = type
    let path = try GrowthPath(
      plans, of: directory.configuration.model, options: GrowthOptions(seed: Self.seed))
    let values = try path.grown(values: directory.values(), for: type)
    try ModelDirectory.write(
      to: url, configuration: HuggingFaceConfiguration(path.target), values: values,
      as: self.type, tokenizer: nil)
  }

  /// The growths' seed.
  static let seed: UInt64 = 3

  deinit { try? FileManager.default.removeItem(at: url) }

  func small() throws -> ModelDirectory { try golden.directory() }

  func grown() throws -> ModelDirectory { try ModelDirectory(reading: url) }

  /// Writes the grown model anew with one element of a tensor changed.
  func corrupt(_ name: String, by difference: Float = 0.5) throws {
    let directory = try grown()
    var values = try directory.values()
    let index = try #require(directory.program.parameters.firstIndex { $0.name == name })
    var floats = values[index].floats
    floats[floats.count / 2] += difference
    values[index] = HostTensor(floats, shape: values[index].shape)
    let configuration = directory.configuration
    try FileManager.default.removeItem(at: url)
    try ModelDirectory.write(
      to: url, configuration: configuration, values: values, as: type, tokenizer: nil)
  }

  /// Growths of the small model.
  func path(_ plans: [GrowthPlan], seed: UInt64 = GrownDirectory.seed) throws -> GrowthPath {
    try GrowthPath(
      plans, of: try small().configuration.model, options: GrowthOptions(seed: seed))
  }

  /// Proves the growth, streaming.
  func report(
    plans given: [GrowthPlan]?? = nil, seed: UInt64 = GrownDirectory.seed,
    exactOperations: Double = 1e12, tokenSeed: UInt64 = 4,
    progress: @escaping (VerificationProgress) -> Void = { _ in }
  ) throws -> VerificationReport {
    var verification = StreamingVerification(
      small: try small(), grown: try grown(),
      path: try (given ?? plans).map { try path($0, seed: seed) },
      batch: try batch(seed: tokenSeed))
    verification.exactOperations = exactOperations
    return try verification.report(threads: 2, progress: progress)
  }

  /// Random tokens.
  var batch: TokenBatch { get throws { try batch(seed: 4) } }

  private func batch(seed: UInt64) throws -> TokenBatch {
    TokenBatch.random(
      count: 1, for: try small().configuration.model, sequences: 2, length: 24, seed: seed)[0]
  }
}
