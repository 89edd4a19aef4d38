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
      "has \(obstacle), which the CPU engine does not train or generate with; XLA's engine does "
        + "(--engine xla), and any can be grown and verified", subject: program.family)
  }

  /// What of a program has no instructions; nil for nothing.
  static func obstacle(in program: Program) -> String? {
    program.operations.lazy.compactMap { obstacle($0) }.first
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
        + "sequences, or take XLA's engine (--engine xla)", subject: program.family)
  }
}
