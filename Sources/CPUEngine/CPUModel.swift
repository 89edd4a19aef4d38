// SPDX-License-Identifier: Apache-2.0
import Architectures
import LinearAlgebra
import Tensors
import Text
import Training

/// A model in the engine's memory with the programs compiled for it so far; what training and
/// inference share.
final class CPUModel {
  let program: Program
  let precision: Precision
  let store: ParameterStore
  let team: ThreadTeam
  let library: any MatrixLibrary
  let arena = Arena()
  private let layouts: LayoutCache
  var profiler: Profiler?

  private struct Key: Hashable {
    var purpose: Lowering.Purpose
    var sequenceCount: Int
    var sequenceLength: Int
    var positionCount: Int
  }
  private var compiled: [Key: CompiledProgram] = [:]
  private var recentlyUsed: [Key] = []
  private static let compiledLimit = 32

  init(
    _ program: Program, parameters: [HostTensor], precision: Precision, team: ThreadTeam,
    library: any MatrixLibrary, layouts: LayoutCache, trains: Bool
  ) throws {
    guard parameters.count == program.parameters.count else {
      throw CPUEngineError(
        .invalidParameters,
        "\(parameters.count) given; the program has \(program.parameters.count)",
        subject: "parameters")
    }
    self.program = program
    self.precision = precision
    self.team = team
    self.library = library
    self.layouts = layouts
    store = try ParameterStore(specs: program.parameters, precision: precision, trains: trains)
    for (index, parameter) in parameters.enumerated() {
      try store.load(parameter, into: store.values, parameter: index)
    }
    store.refreshCopies(team)
  }

  /// The program for a purpose and batch shape, compiled at its first use.
  ///
  /// - Parameter positionCount: positions that decoding may reach, its cache's; default the batch's.
  func compile(
    _ purpose: Lowering.Purpose, sequenceCount: Int, sequenceLength: Int, positionCount: Int? = nil
  ) throws -> CompiledProgram {
    let key = Key(
      purpose: purpose, sequenceCount: sequenceCount, sequenceLength: sequenceLength,
      positionCount: positionCount ?? sequenceLength)
    recentlyUsed.removeAll { $0 == key }
    recentlyUsed.append(key)
    if let known = compiled[key] { return known }
    var lowering = Lowering(
      program, purpose: purpose, sequenceCount: sequenceCount, sequenceLength: sequenceLength,
      positionCount: key.positionCount, precision: precision, store: store, library: library,
      team: team)
    try lowering.lower()
    let made = CompiledProgram(lowering, layouts)
    compiled[key] = made
    if recentlyUsed.count > Self.compiledLimit {
      compiled[recentlyUsed.removeFirst()] = nil
    }
    return made
  }

  /// Runs a program on a batch, after checking the batch.
  func run<Result>(
    _ purpose: Lowering.Purpose, _ batch: TokenBatch, positionCount: Int? = nil,
    configure: (Execution) -> Void = { _ in },
    finish: (CompiledProgram, Execution) throws -> Result
  ) throws -> Result {
    try check(batch)
    team.adopt()
    let compiled = try compile(
      purpose, sequenceCount: batch.sequenceCount, sequenceLength: batch.sequenceLength,
      positionCount: positionCount)
    return try compiled.run(
      batch.inputs, targets: batch.targets, arena: arena, profiler: profiler,
      configure: configure, finish: { try finish(compiled, $0) })
  }

  /// Sum of log probabilities' negatives over the targets that count.
  func loss(of batch: TokenBatch) throws -> LossSum {
    try run(.scoring, batch) { compiled, execution in
      var total = 0.0
      for score in compiled.rowResults(execution) { total -= Double(score) }
      return LossSum(total: total, targetCount: batch.targetCount)
    }
  }

  private func check(_ batch: TokenBatch) throws {
    guard let obstacle = program.obstacle(to: batch) else { return }
    throw CPUEngineError(.invalidBatch, obstacle, subject: "batch")
  }
}
