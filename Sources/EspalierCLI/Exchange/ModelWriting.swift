// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// How large the files of a written model are.
struct ShardOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Bytes of tensors in one file: 2GB, 500MB, 4GiB, 5e9; default: as the source has it.",
      valueName: "size"))
  var shardSize: ByteCountRequest?
}

/// Writes a directory with a model, as `grow`, `export` and `import` do: with progress, and with a word of
/// what is kept where that ends early.
struct ModelWriting {
  /// Where everything goes; nil where nothing is written.
  var target: URL?
  /// Where progress and words go.
  var terminal: Terminal
  /// Whether progress is left out.
  var isQuiet: Bool

  /// The directory with the files that an interrupted command finished; nil where there is none.
  private var unfinished: URL? { target.flatMap { ModelGrowth.unfinished(of: $0) } }

  /// Does all of a command, and says what is kept where it is interrupted.
  func interruptible(_ body: (Interruption) throws -> Void) throws {
    let interruption = Interruption(
      first: { terminal.print("Stopping. Ctrl-C again quits at once.") }, last: terminal.leave)
    do { try body(interruption) } catch is CancellationError {
      if unfinished == nil {
        terminal.print("Interrupted; no file was finished, the same command begins anew.")
      }
      throw ExitCode(Interruption.exitCode)
    }
  }

  /// Writes with progress, and says how to go on where that fails or is interrupted.
  ///
  /// - Parameter work: what is done, as a line of progress begins.
  /// - Returns: the seconds that it took.
  func write(
    _ work: String, until interruption: Interruption,
    _ body: ((ModelGrowth.Progress) throws -> Void) throws -> Void
  ) throws -> Double {
    let printer = GrowthProgressPrinter(terminal: terminal, isQuiet: isQuiet, work: work)
    defer { printer.finish() }
    do {
      try interruption.check()
      try body { progress in
        try interruption.check()
        printer.show(progress)
      }
      return printer.elapsedSeconds
    } catch {
      printer.finish()
      let isOtherWork = (error as? CheckpointsError)?.code == .unfinishedWork
      if !isOtherWork, let unfinished {
        Terminal(.standardError).print(
          "Finished files are kept in \(unfinished.path(percentEncoded: false)); the same command with "
            + "--resume goes on with them.")
      }
      throw error
    }
  }
}
