// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Interpretation
import OperationCases
import Tensors
import Testing
import Text
import Training

/// Every operation by itself, and every family as a whole, against the interpreter in float64.
@Suite("Operations") struct OperationTests {
  private static let key = DropoutKey(seed: 3, step: 5, microBatch: 1)

  private func states(_ program: Program, _ values: [[Double]]) -> [ParameterState] {
    zip(program.parameters, values).map {
      ParameterState(value: HostTensor($1.map { Float($0) }, shape: $0.shape))
    }
  }

  /// ‖found − expected‖ / ‖expected‖; nothing where both are zero.
  private func distance(_ found: [Float], _ expected: [Double]) -> Double {
    if zip(found, expected).allSatisfy({ $0 == 0 && $1 == 0 }) { return 0 }
    return relativeError(found, expected)
  }

  private func expectGradients(
    _ found: [HostTensor], _ expected: [[Double]], _ program: Program, within bound: Double,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(found.count == expected.count, sourceLocation: sourceLocation)
    for (spec, (ours, theirs)) in zip(program.parameters, zip(found, expected)) {
      // What a key's bias adds to all of a query's scores the softmax does not see.
      if spec.role == .bias(.key) { continue }
      let error = distance(ours.floats, theirs)
      #expect(error < bound, "\(spec.name): \(error)", sourceLocation: sourceLocation)
    }
  }

  @Test(
    "Loss and gradients of each operation, with dropout", arguments: OperationCase.all,
    TestedEngine.threaded)
  func operations(_ test: OperationCase, _ engine: TestedEngine) throws {
    let (model, batch) = (test.model, test.model.batch)
    let session = try engine.make().makeSession(
      for: model.program, parameters: states(model.program, model.parameters), precision: .fp32)
    let loss = try session.accumulateGradients(
      of: batch, normalizer: batch.targetCount, dropoutKey: Self.key)
    // The interpreter starts from the numbers that float32 holds.
    let rounded = model.parameters.map { $0.map { Double(Float($0)) } }
    let exact = try ReferenceModel(program: model.program, parameters: rounded)
      .lossAndGradients(batch, dropoutKey: Self.key)
    #expect(abs(loss.total - exact.loss.total) <= 1e-6 * exact.loss.total)
    #expect(loss.targetCount == exact.loss.targetCount)
    expectGradients(try session.gradients(), exact.gradients, model.program, within: 1e-5)
  }

  @Test(
    "Logits, gradients and scores of every family", arguments: FamilyGolden.all, TestedEngine.all)
  func families(_ golden: FamilyGolden, _ tested: TestedEngine) throws {
    let engine = try tested.make()
    let directory = try golden.directory()
    let (program, batch) = (directory.program, try golden.batch())
    let model = try engine.makeLanguageModel(
      for: program, parameters: directory.values(), precision: .fp32)
    #expect(relativeError(try model.logits(batch).floats, try golden.logits()) < 1e-5)
    let session = try engine.makeSession(
      for: program, parameters: directory.values().map { ParameterState(value: $0) },
      precision: .fp32)
    let exact = try ReferenceModel(program: program, parameters: golden.values())
      .lossAndGradients(batch)
    // In two parts, of which the second adds to the first one's gradients.
    let parts = [batch.sequences(0..<1), batch.sequences(1..<batch.sequenceCount)]
    let losses = try parts.map {
      try session.accumulateGradients(
        of: $0, normalizer: batch.targetCount, dropoutKey: Self.key
      ).total
    }
    #expect(abs(losses.reduce(0, +) - exact.loss.total) <= 1e-5 * exact.loss.total)
    #expect(abs(try session.loss(of: batch).total - exact.loss.total) <= 1e-5 * exact.loss.total)
    expectGradients(try session.gradients(), exact.gradients, program, within: 1e-4)
  }

  @Test(
    "Gradients of every family in bfloat16", arguments: FamilyGolden.all, TestedEngine.all)
  func familiesInBFloat16(_ golden: FamilyGolden, _ engine: TestedEngine) throws {
    let directory = try golden.directory()
    let (program, batch) = (directory.program, try golden.batch())
    let session = try engine.make().makeSession(
      for: program, parameters: directory.values().map { ParameterState(value: $0) },
      precision: .bf16)
    let loss = try session.accumulateGradients(
      of: batch, normalizer: batch.targetCount, dropoutKey: Self.key)
    let exact = try ReferenceModel(program: program, parameters: golden.values())
      .lossAndGradients(batch)
    let tolerances = Tolerances.of(.bf16)
    #expect(abs(loss.total - exact.loss.total) <= tolerances.loss * exact.loss.total)
    let (ours, theirs) = (
      try session.gradients().flatMap(\.floats), exact.gradients.flatMap { $0 }
    )
    // A rounding can send a token to another expert.
    if program.parameters.contains(where: { $0.role == .weight(.router) }) { return }
    // Rounding each operand to 2⁻⁹ moves the gradients of some of these models by 4e-2.
    let error = distance(ours, theirs)
    #expect(error <= 5e-2, "\(error)")
  }

  @Test(
    "Decoding gives the logits of the whole sequence", arguments: FamilyGolden.all,
    TestedEngine.all)
  func decoding(_ golden: FamilyGolden, _ engine: TestedEngine) throws {
    let directory = try golden.directory()
    let model = try engine.make().makeLanguageModel(
      for: directory.program, parameters: directory.values(), precision: .fp32)
    let batch = try golden.batch()
    let tokens = Array(batch.inputs[..<batch.sequenceLength])
    let vocabulary = directory.program.vocabularySize
    let expected = try golden.logits()
    let decoder = try model.makeDecoder(capacity: tokens.count)
    for range in [0..<3, 3..<4, 4..<tokens.count] {
      let last = try decoder.append(Array(tokens[range]))
      let row = range.upperBound - 1
      let error = relativeError(
        last, Array(expected[row * vocabulary..<(row + 1) * vocabulary]))
      #expect(error < 1e-5, "position \(row): \(error)")
    }
  }

  @Test("Experts that take many rows, and none", arguments: TestedEngine.threaded)
  func experts(_ engine: TestedEngine) throws {
    let golden = FamilyGolden(name: "mixtral")
    let directory = try golden.directory()
    let program = directory.program
    var values = try golden.values()
    let router = try #require(program.parameters.firstIndex { $0.role == .weight(.router) })
    let experts = program.parameters[router].shape[0]
    let width = program.parameters[router].shape[1]
    // The first expert's logit is its likes' alone: rows are of one kind where the norm's gain says so.
    let norm = try #require(
      program.parameters.firstIndex { $0.role == .normGain(.feedForward) && $0.layer == 0 })
    values[norm][0] = 1e-3
    for expert in 0..<experts { values[router][expert * width] = expert == 0 ? 1e3 : -1e3 }
    let parameters = states(program, values)
    let session = try engine.make().makeSession(
      for: program, parameters: parameters, precision: .fp32)
    let batch = try longBatch(program, rows: 150)
    let exact = try ReferenceModel(
      program: program, parameters: values.map { $0.map { Double(Float($0)) } }
    ).lossAndGradients(batch)
    // Gradients of an earlier batch, which is forgotten, must not show in those of idle experts.
    for normalizer in [7, batch.targetCount] {
      try session.discardGradients()
      _ = try session.accumulateGradients(
        of: batch, normalizer: normalizer, dropoutKey: Self.key)
    }
    expectGradients(try session.gradients(), exact.gradients, program, within: 1e-4)
  }

  private func longBatch(_ program: Program, rows: Int) throws -> TokenBatch {
    var draws = Draws(seed: 9)
    let length = min(10, program.contextLength)
    let ids = draws.values(rows).map {
      Int32((($0 + 1) / 2 * Double(program.vocabularySize)).rounded(.down))
    }
    return TokenBatch(
      sequenceCount: rows / length, sequenceLength: length, inputs: ids, targets: ids)
  }
}
