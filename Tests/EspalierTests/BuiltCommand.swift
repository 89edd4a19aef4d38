// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// The command `espalier` as it was built beside these tests, run as a process of its own.
struct BuiltCommand {
  /// What a process left behind.
  struct Result {
    /// The exit code, or the signal that ended it.
    var status: Int32
    var endedBySignal: Bool
    var output: String
    var errors: String
  }

  /// Where the command is; it stands beside the tests' bundle.
  static var url: URL {
    get throws {
      let directory = bundle.deletingLastPathComponent()
      let url = directory.appending(path: "espalier")
      guard FileManager.default.isExecutableFile(atPath: url.path) else {
        throw CocoaError(.fileNoSuchFile, userInfo: [NSFilePathErrorKey: url.path])
      }
      return url
    }
  }

  #if canImport(Darwin)
    private final class Anchor {}
    private static var bundle: URL { Bundle(for: Anchor.self).bundleURL }
  #else
    private static var bundle: URL {
      URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    }
  #endif

  private let process = Process()
  private let files: URL

  /// Starts the command.
  ///
  /// Output goes to files, so that a process that is never read from cannot hang.
  init(_ arguments: [String], in directory: URL) throws {
    try self.init(Self.url, arguments, in: directory)
  }

  /// Whoever runs the tests in the background may have had signals ignored, which a process hands on.
  private static let hearsSignals: Void = {
    for number in [SIGINT, SIGTERM, SIGHUP] {
      let handler = signal(number, SIG_DFL)
      let isIgnored = handler.map { unsafeBitCast($0, to: Int.self) == 1 } ?? false
      if !isIgnored { signal(number, handler) }
    }
  }()

  private init(_ executable: URL, _ arguments: [String], in directory: URL) throws {
    Self.hearsSignals
    files = directory.appending(path: ".output-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = directory
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try handle("output")
    process.standardError = try handle("errors")
    try process.run()
  }

  /// Runs the command to its end.
  static func run(_ arguments: [String], in directory: URL) throws -> Result {
    try BuiltCommand(arguments, in: directory).wait()
  }

  var isRunning: Bool { process.isRunning }

  /// Sends a signal; a process that has ended gets none.
  func send(_ signal: Int32) {
    if process.isRunning { kill(process.processIdentifier, signal) }
  }

  /// Waits for the end.
  func wait() throws -> Result {
    process.waitUntilExit()
    let result = Result(
      status: process.terminationStatus,
      endedBySignal: process.terminationReason == .uncaughtSignal,
      output: try text("output"), errors: try text("errors"))
    try FileManager.default.removeItem(at: files)
    return result
  }

  private func handle(_ name: String) throws -> FileHandle {
    let file = files.appending(path: name)
    try Data().write(to: file)
    return try FileHandle(forWritingTo: file)
  }

  private func text(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: files.appending(path: name)), as: UTF8.self)
  }
}

extension BuiltCommand {
  /// Runs a script of bash in which `espalier` is the command.
  static func shell(_ script: String, in directory: URL) throws -> Result {
    let command = try url.path.replacing("'", with: "'\\''")
    return try BuiltCommand(
      URL(filePath: "/bin/bash"),
      ["-c", "espalier() { '\(command)' \"$@\"; }; export TERM=xterm; \(script)"], in: directory
    ).wait()
  }
}
