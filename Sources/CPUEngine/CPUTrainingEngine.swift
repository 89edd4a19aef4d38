// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import Foundation
import LinearAlgebra
import Tensors
import Training

/// The embedded engine: matrix products by the system's library, fused kernels around them.
///
/// Sessions and models are used from one thread at a time; work spreads over the engine's own. The
/// same number of threads gives the same bits, run after run, on one kind of machine.
public struct CPUTrainingEngine: TrainingEngine {
  private let team: ThreadTeam
  private let widensBFloat16: Bool
  private let layouts = LayoutCache()

  /// Makes an engine.
  ///
  /// - Parameter threads: how many threads a step uses; nil for all processors this process may use.
  public init(threads: Int? = nil) {
    self.init(threads: threads, widensBFloat16: false)
  }

  /// An engine that computes bfloat16 products as on a processor that has none, for tests.
  package init(threads: Int?, widensBFloat16: Bool) {
    self.widensBFloat16 = widensBFloat16
    team = ThreadTeam(count: max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount))
  }

  /// "cpu".
  public var name: String { "cpu" }

  /// Threads of a step.
  public var threadCount: Int? { team.count }

  /// Takes over parameters and moments and readies a program for training.
  ///
  /// - Throws: ``CPUEngineError`` for a parameter that does not fit, or memory that is refused.
  public func makeSession(
    for program: Program, parameters: [ParameterState], precision: Precision
  ) throws -> any TrainingSession {
    try makeCPUSession(for: program, parameters: parameters, precision: precision)
  }

  /// The same as ``makeSession(for:parameters:precision:)``, with this engine's own type.
  public func makeCPUSession(
    for program: Program, parameters: [ParameterState], precision: Precision
  ) throws -> CPUTrainingSession {
    let model = try makeModel(
      program, parameters: parameters.map(\.value), precision: precision, trains: true)
    return try CPUTrainingSession(model, parameters: parameters)
  }

  /// Readies a program for scoring and generating.
  ///
  /// - Throws: ``CPUEngineError`` for a parameter that does not fit, or memory that is refused.
  public func makeLanguageModel(
    for program: Program, parameters: [HostTensor], precision: Precision
  ) throws -> any LanguageModel {
    CPULanguageModel(
      try makeModel(program, parameters: parameters, precision: precision, trains: false))
  }

  private func makeModel(
    _ program: Program, parameters: [HostTensor], precision: Precision, trains: Bool
  ) throws -> CPUModel {
    team.adopt()
    return try CPUModel(
      program, parameters: parameters, precision: precision, team: team,
      library: makeMatrixLibrary(widens: widensBFloat16), layouts: layouts, trains: trains)
  }

  /// Bytes of a session's parameters, gradients, moments and copies, and of the activations that a
  /// micro-batch of this shape needs at once.
  ///
  /// - Throws: ``CPUEngineError`` where the parameters alone do not fit.
  public func trainingByteCount(
    of program: Program, precision: Precision, sequenceCount: Int, sequenceLength: Int
  ) throws -> Int {
    // The store's pages are never touched, so they take no memory.
    let store = try ParameterStore(specs: program.parameters, precision: precision, trains: true)
    var lowering = Lowering(
      program, purpose: .training, sequenceCount: sequenceCount, sequenceLength: sequenceLength,
      positionCount: sequenceLength, precision: precision, store: store,
      library: try makeMatrixLibrary(widens: widensBFloat16), team: team)
    try lowering.lower()
    return MachineMemory.bytes([store.byteCount], [layouts.layout(of: lowering.plan).byteCount])
  }

  /// Times products of 1024 × 1024 matrices; the best of a dozen.
  public func measurePeak(precision: Precision) throws -> Double {
    team.adopt()
    let size = 1024
    let type: ElementType = precision == .bf16 ? .bfloat16 : .float32
    let operand = MatrixProduct.Operand(type: type, stride: size)
    let product = MatrixProduct(
      rows: size, columns: size, depth: size, a: operand, b: operand,
      c: .init(type: .float32, stride: size))
    let prepared = try makeMatrixLibrary(widens: widensBFloat16).prepare(
      product, accumulates: false)
    let memory = try AlignedMemory(byteCount: 3 * size * size * 4)
    // About 1 in both types: a processor may clock higher on zeros.
    memory.base.initializeMemory(as: UInt16.self, repeating: 0x3F80, count: memory.byteCount / 2)
    let (a, b, c) = (memory.base, memory.base + size * size * 4, memory.base + 2 * size * size * 4)
    let clock = ContinuousClock()
    var best = Duration.seconds(3600)
    for _ in 0..<12 {
      let start = clock.now
      try prepared.run(a, b, c, bias: nil)
      best = min(best, clock.now - start)
    }
    return product.operations / (best / .seconds(1))
  }
}
