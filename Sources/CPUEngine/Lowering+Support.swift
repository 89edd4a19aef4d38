// SPDX-License-Identifier: Apache-2.0
import Architectures

extension Lowering {
  /// Checks that the engine has instructions for all of a program.
  ///
  /// - Throws: ``CPUEngineError`` of code `unsupportedProgram` naming the first operation that it has
  ///   none for.
  static func check(_ program: Program) throws {
    guard let obstacle = obstacle(in: program) else { return }
    throw CPUEngineError(
      .unsupportedProgram,
      "has \(obstacle), which the CPU engine does not train or generate with; such models can be "
        + "grown and verified", subject: program.family)
  }

  /// What of a program has no instructions; nil for nothing.
  static func obstacle(in program: Program) -> String? {
    program.operations.lazy.compactMap { obstacle($0) }.first
  }

  private static func obstacle(
    _ operation: Program.Operation
  ) -> String? {
    switch operation {
    case .scale: "scaled token vectors"
    case .headNorm: "norms of queries and keys"
    case .columns, .regroup: "fused matrices with rotary positions"
    case .mixture: "experts"
    case .norm(_, _, _, nil, _, _): "norms without parameters"
    case .norm(_, _, _, let gain?, _, _) where gain.offset != 0: "gains that are kept less one"
    case .rotary(let embedding, _, _, _) where embedding.fraction != 1: "heads that turn in part"
    default: nil
    }
  }

  /// Checks that no query's window ends before the sequence begins.
  ///
  /// - Throws: ``CPUEngineError`` of code `unsupportedProgram`.
  static func checkWindow(_ program: Program, sequenceLength: Int) throws {
    let window = program.narrowestWindow ?? .max
    guard window < sequenceLength else { return }
    throw CPUEngineError(
      .unsupportedProgram,
      "sees \(window) positions at a time, and the CPU engine all of \(sequenceLength); shorten the "
        + "sequences", subject: program.family)
  }
}
