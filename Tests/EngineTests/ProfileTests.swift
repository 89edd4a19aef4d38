// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import GoldenModels
import Tensors
import Testing
import Text
import Training

@Suite("Profiles of the CPU engine")
struct EngineProfileTests {
  @Test("the operations of a step add up to what the program counts", arguments: FamilyGolden.all)
  func operations(_ golden: FamilyGolden) throws {
    let directory = try golden.directory()
    let (program, batch) = (directory.program, try golden.batch())
    let session = try CPUTrainingEngine(threads: 1).makeSession(
      for: program, parameters: directory.values().map { ParameterState(value: $0) },
      precision: .fp32)
    func gradients() throws -> [[Float]] {
      try session.discardGradients()
      _ = try session.accumulateGradients(
        of: batch, normalizer: batch.targetCount,
        dropoutKey: DropoutKey(seed: 0, step: 0, microBatch: 0))
      return try session.gradients().map(\.floats)
    }
    let plain = try gradients()
    let profiler = Profiler()
    session.profiler = profiler
    #expect(try gradients() == plain)
    _ = try session.gradientSquaredNorm()
    let profile = profiler.profile()
    let counted = program.floatingPointOperations(sequenceLength: batch.sequenceLength)
    let expected = counted.training * Double(batch.inputs.count)
    let measured = profile.operations.reduce(0) { $0 + $1.floatingPointOperations }
    #expect(abs(measured - expected) <= 1e-12 * expected, "\(measured / expected)")
    #expect(profile.operations.allSatisfy { $0.bytes >= 0 && $0.seconds >= 0 && $0.count > 0 })
    #expect(profile.operations.contains { $0.name == "attention backward" })
    #expect(profile.operations.contains { $0.name == "gradient norm" && $0.bytes > 0 })
    session.profiler = nil
    let before = profiler.profile().operations
    _ = try gradients()
    #expect(profiler.profile().operations == before)
  }
}
