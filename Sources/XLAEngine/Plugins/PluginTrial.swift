// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// Opens plugins in a process of their own first.
///
/// A plugin is a library of somebody else's code, which runs as soon as it is opened: one that was damaged
/// ends the process. A program that shall not end so names itself, with arguments upon which it calls
/// ``answer(_:)``, and makes engines by ``XLATrainingEngine/init(plugin:after:)``:
///
///     let trial = PluginTrial(executable: path, arguments: ["try-plugin"])
///     let engine = try XLATrainingEngine(plugin: library, after: trial)
///
/// Cost: the time in which the plugin opens, and finds its devices, once more.
public struct PluginTrial: Sendable, Hashable {
  /// The program to run.
  public var executable: String
  /// Its arguments, after which the plugin's path comes.
  public var arguments: [String]

  /// Makes a trial in a program's process.
  public init(executable: String, arguments: [String]) {
    self.executable = executable
    self.arguments = arguments
  }

  /// What the process that tries a plugin says in its last line.
  private struct Answer: Codable {
    var plugin: PluginDescription?
    var code: String?
    var message: String?
  }

  /// Opens a plugin in another process.
  ///
  /// - Throws: ``XLAEngineError`` that the other process met; of code `invalidPlugin` with the signal where the
  ///   plugin ended it, of code `pluginFailure` where the process could not be started.
  public func describe(_ path: String) throws(XLAEngineError) -> PluginDescription {
    try begin(path).result()
  }

  /// Opens several plugins, each in a process of its own, all at the same time.
  ///
  /// - Returns: for each one what it says of itself, or why it cannot be used.
  public func describe(
    all paths: [String]
  ) -> [Result<PluginDescription, XLAEngineError>] {
    let attempts = paths.map { path in
      Result { () throws(XLAEngineError) in try begin(path) }
    }
    return attempts.map { attempt in
      Result { () throws(XLAEngineError) in try attempt.get().result() }
    }
  }

  private func begin(_ path: String) throws(XLAEngineError) -> Attempt {
    // What no process needs to find out.
    try LibraryFile.check(path)
    let attempt = Attempt(path)
    attempt.process.executableURL = URL(filePath: executable)
    attempt.process.arguments = arguments + [path]
    // No trace of a crash that is foreseen.
    attempt.process.environment = ProcessInfo.processInfo.environment
      .merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    do { try attempt.process.run() } catch {
      throw XLAEngineError(
        .pluginFailure, "cannot be tried in a process of its own: \(reason(of: error))",
        subject: path)
    }
    return attempt
  }

  /// A process that tries a plugin.
  private struct Attempt {
    let path: String
    let process = Process()
    private let pipe = Pipe()

    init(_ path: String) {
      self.path = path
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = pipe
      // A plugin that gives up says why there.
      process.standardError = pipe
    }

    func result() throws(XLAEngineError) -> PluginDescription {
      let output = (try? pipe.fileHandleForReading.readToEnd()) ?? Data()
      process.waitUntilExit()
      let lines = String(decoding: output, as: UTF8.self).split(whereSeparator: \.isNewline)
      guard process.terminationReason == .exit else { throw ended(lines) }
      let answers = lines.reversed().lazy.compactMap {
        try? JSONDecoder().decode(Answer.self, from: Data($0.utf8))
      }
      if let plugin = answers.first?.plugin { return plugin }
      if let answer = answers.first, let message = answer.message {
        throw XLAEngineError(
          answer.code.flatMap(XLAEngineErrorCode.init) ?? .pluginFailure, message, subject: path)
      }
      throw XLAEngineError(
        .invalidPlugin,
        "ended the process that opened it, with exit code \(process.terminationStatus)"
          + Self.lastWords(lines) + "; \(Self.remedy)", subject: path)
    }

    private func ended(_ lines: [Substring]) -> XLAEngineError {
      let number = process.terminationStatus
      let name = String(cString: strsignal(number))
      return XLAEngineError(
        .invalidPlugin,
        "ended the process that opened it by signal \(number) (\(name))\(Self.lastWords(lines)): it is "
          + "damaged, or not for this machine; \(Self.remedy)", subject: path)
    }

    private static let remedy = "install the plugin again, or name another engine"

    private static func lastWords(_ lines: [Substring]) -> String {
      lines.last.map { ", after the words \(String($0).excerpt)" } ?? ""
    }
  }

  /// Does in this process what a trial asks for: opens the plugin and prints what it is, or why it cannot be
  /// used, on standard output.
  public static func answer(_ path: String) {
    var limit = rlimit(rlim_cur: 0, rlim_max: 0)
    #if canImport(Darwin)
      setrlimit(RLIMIT_CORE, &limit)
    #else
      setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
    #endif
    var answer = Answer()
    do throws(XLAEngineError) { answer.plugin = try PluginDescription(opening: path) } catch {
      (answer.code, answer.message) = (error.code.rawValue, error.message)
    }
    let text = (try? JSONEncoder().encode(answer)) ?? Data()
    // A plugin may have left a line without its end.
    FileHandle.standardOutput.write(Data("\n".utf8) + text + Data("\n".utf8))
  }
}
