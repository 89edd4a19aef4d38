// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation
import Wording

/// The options of every command that computes with a model.
struct EngineOptions: ParsableArguments {
  @Option(
    help: """
      What computes: cpu, the embedded engine; xla, the first PJRT plugin that is found, or xla:cuda, \
      xla:rocm, xla:tpu, xla:cpu for a kind of device; auto for an accelerator where there is one. \
      Default cpu, and for a run that goes on what it had.
      """)
  var engine: EngineRequest?

  @Option(
    help: "A PJRT plugin's library to compute with, instead of one that is found.",
    completion: .file(extensions: ["so", "dylib"]))
  var plugin: String?

  @Option(
    parsing: .unconditional,
    help: "Threads to compute with; default all cores. Only equal counts give equal bits.")
  var threads: Int?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads); expected 1 to 1024.")
    }
    if let engine, plugin != nil, engine != .xla(nil) {
      throw ValidationError(
        "--plugin names the library that --engine xla opens; write --engine xla, or leave out --engine, "
          + "instead of --engine \(engine.word).")
    }
  }

  /// What the command line says of the engine, as a run remembers it; nil for nothing.
  var engineWord: String? {
    plugin.map { EngineRequest.library(URL(filePath: $0).path).word } ?? engine?.word
  }

  /// The engine to compute with.
  ///
  /// - Parameters:
  ///   - threads: how many where the command line does not say; nil for all cores.
  ///   - word: which engine where the command line does not say; nil for the embedded one.
  /// - Throws: `StagingError` for a word that names no engine; `XLAEngineError` where there is no such
  ///   plugin, or it cannot be used.
  func makeEngine(
    threads others: Int? = nil, engine word: String? = nil
  ) throws -> any TrainingEngine {
    try chooseEngine(threads: others, engine: word).engine
  }

  /// The engine to compute with, and the word by which a run finds the same one again; nil for the embedded
  /// engine that nobody named.
  ///
  /// - Throws: as ``makeEngine(threads:engine:)``.
  func chooseEngine(
    threads others: Int? = nil, engine word: String? = nil
  ) throws -> (engine: any TrainingEngine, word: String?) {
    guard let word = engineWord ?? word else {
      return (try EngineRequest.cpu.choice(threads: threads ?? others).engine, nil)
    }
    guard let request = EngineRequest(argument: word) else {
      throw StagingError(
        .runUnavailable,
        "got \(word.excerpt); expected cpu, auto, xla, xla and a kind of device or a library, as in "
          + "xla:cuda or xla:/plugin.so. Name the engine with --engine", subject: "run.json: engine"
      )
    }
    let choice = try request.choice(threads: threads ?? others)
    switch request {
    case .xla, .auto: Note.print(PluginSearch().remarks)
    case .cpu, .library: break
    }
    return (choice.engine, choice.request.word)
  }
}

extension Precision: ExpressibleByArgument {
  /// The names, for help texts.
  static var choices: String { allCases.map(\.rawValue).joined(separator: " or ") }
}

/// A word of a command line that can be pasted into a shell.
package enum ShellWord {
  /// The word, in quotes where a shell would otherwise take it apart.
  package static func quoted(_ word: String) -> String {
    let isPlain = word.allSatisfy { $0.isLetter || $0.isNumber || "/._-+,:@%".contains($0) }
    if isPlain, !word.isEmpty { return word }
    let shown = ShownText.escaped(word, as: .line)
    guard shown == word else {
      // bash reads `\n`, `\u001b` and the like between $' and '.
      let literal = word.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
      return "$'\(ShownText.escaped(literal, as: .line))'"
    }
    return "'\(word.replacing("'", with: "'\\''"))'"
  }
}
