// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Tensors
import Text
import Training

/// The memory of all compiled programs of one model; they run one at a time and share it.
final class Arena {
  private var memory: AlignedMemory?

  /// Bytes of it.
  var byteCount: Int { memory?.byteCount ?? 0 }

  /// Makes room for at least so many bytes; what was there is lost.
  func reserve(_ byteCount: Int) throws {
    if let memory, memory.byteCount >= byteCount { return }
    memory = nil
    try MachineMemory.current.check(
      byteCount, for: "the activations of a batch of this shape",
      remedy: "use fewer or shorter sequences", subject: "memory")
    memory = try AlignedMemory(byteCount: byteCount)
  }

  /// The first byte.
  var base: UnsafeMutableRawPointer {
    guard let memory else { preconditionFailure("an arena is reserved before it is used") }
    return memory.base
  }
}

/// A program lowered for one batch shape and purpose.
final class CompiledProgram {
  private let instructions: [Lowering.Instruction]
  private let offsets: [Int]
  private let byteCount: Int
  private let results: (values: Matrix, greedy: Matrix)?
  private let rowCount: Int

  init(_ lowering: Lowering, _ layouts: LayoutCache) {
    let layout = layouts.layout(of: lowering.plan)
    instructions = lowering.instructions
    offsets = layout.offsets
    byteCount = layout.byteCount
    results = lowering.results
    rowCount = lowering.rowCount
  }

  /// Runs on a batch whose shape is the compiled one; `configure` sets what the run needs, `finish`
  /// reads its results.
  func run<Result>(
    _ tokens: [Int32], targets: [Int32], arena: Arena, profiler: Profiler?,
    configure: (Execution) -> Void, finish: (Execution) throws -> Result
  ) throws -> Result {
    try arena.reserve(byteCount)
    return try tokens.withUnsafeBufferPointer { tokens in
      try targets.withUnsafeBufferPointer { targets in
        guard let tokens = tokens.baseAddress, let targets = targets.baseAddress else {
          throw CPUEngineError(.invalidBatch, "has no tokens", subject: "batch")
        }
        let execution = Execution(base: arena.base, offsets: offsets, tokens: tokens)
        execution.targets = targets
        configure(execution)
        for instruction in instructions {
          try profiler.measure(instruction.label, instruction.work) {
            try instruction.run(execution)
          }
        }
        return try finish(execution)
      }
    }
  }

  /// The per-row results of the last run: losses, or log probabilities.
  func rowResults(_ execution: Execution) -> UnsafeBufferPointer<Float> {
    guard let results else { return UnsafeBufferPointer(start: nil, count: 0) }
    return UnsafeBufferPointer(start: execution.floats(results.values), count: rowCount)
  }

  /// Whether each row's target is the greedy one.
  func greedyRows(_ execution: Execution) -> UnsafeBufferPointer<UInt8> {
    guard let results else { return UnsafeBufferPointer(start: nil, count: 0) }
    return UnsafeBufferPointer(
      start: execution.pointer(results.greedy).assumingMemoryBound(to: UInt8.self), count: rowCount)
  }
}
