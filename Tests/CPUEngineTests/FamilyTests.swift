// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import GoldenModels
import Interpretation
import Testing
import Text
import Training

/// What the CPU engine makes of families beside GPT-2 and Llama.
struct FamilyTests {
  static let trained = ["llama", "llama-biases", "mistral", "qwen2"]
  private let engine = CPUTrainingEngine(threads: 2)

  @Test("Logits and gradients of the families it trains", arguments: trained)
  func parity(_ name: String) throws {
    let golden = FamilyGolden(name: name)
    let directory = try golden.directory()
    let batch = try golden.batch()
    let model = try engine.makeLanguageModel(
      for: directory.program, parameters: directory.values(), precision: .fp32)
    #expect(relativeError(try model.logits(batch).floats, try golden.logits()) < 1e-5)
    let session = try engine.makeSession(
      for: directory.program, parameters: directory.values().map { ParameterState(value: $0) },
      precision: .fp32)
    _ = try session.accumulateGradients(
      of: batch, normalizer: batch.targetCount,
      dropoutKey: DropoutKey(seed: 1, step: 1, microBatch: 0))
    let exact = try ReferenceModel(program: directory.program, parameters: golden.values())
      .lossAndGradients(batch).gradients
    for (spec, (ours, theirs)) in zip(
      directory.program.parameters, zip(try session.gradients(), exact))
    {
      // What a key's bias adds to all of a query's scores the softmax does not see.
      if spec.role == .bias(.key) { continue }
      #expect(relativeError(ours.floats, theirs) < 1e-4, "\(spec.name)")
    }
  }

  @Test("What it has no instructions for is named")
  func unsupported() throws {
    let reasons = [
      "gemma": "scaled token vectors", "qwen3": "norms of queries and keys",
      "phi3": "fused matrices", "gpt_neox": "fused matrices", "olmo": "norms without parameters",
      "mixtral": "experts",
    ]
    for (name, reason) in reasons {
      let directory = try FamilyGolden(name: name).directory()
      let error = #expect(throws: CPUEngineError.self, "\(name)") {
        _ = try engine.makeLanguageModel(
          for: directory.program, parameters: directory.values(), precision: .fp32)
      }
      #expect(error?.code == .unsupportedProgram)
      #expect(error?.message.contains(reason) == true, "\(name): \(error?.message ?? "")")
    }
  }

  @Test("A window that is narrower than the sequence is refused, and no sooner")
  func window() throws {
    let golden = FamilyGolden(name: "mistral-sliding")
    let directory = try golden.directory()
    let model = try engine.makeLanguageModel(
      for: directory.program, parameters: directory.values(), precision: .fp32)
    let error = #expect(throws: CPUEngineError.self) { try model.logits(golden.batch()) }
    #expect(error?.message.contains("positions at a time") == true)
    let window = try #require(directory.configuration.model.traits.window)
    let short = TokenBatch(
      sequenceCount: 1, sequenceLength: window, inputs: Array(repeating: 1, count: window),
      targets: Array(repeating: 2, count: window))
    #expect(try model.logits(short).floats.allSatisfy(\.isFinite))
    // A decoder reaches no farther than it holds, however long the model's context.
    let decoder = try model.makeDecoder(capacity: window)
    #expect(try decoder.append([1, 1]).allSatisfy(\.isFinite))
    #expect(throws: CPUEngineError.self) {
      try model.makeDecoder(capacity: window + 1).append([1])
    }
  }
}
