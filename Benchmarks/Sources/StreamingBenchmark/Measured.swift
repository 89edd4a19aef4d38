// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What a command took, as the system counted it.
struct Measured: Codable {
  var seconds: Double
  var userSeconds: Double
  var systemSeconds: Double
  /// The most memory that it held at any time.
  var peakByteCount: Int

  /// Runs a command to its end, without its output.
  init(_ command: [String]) throws {
    var process = pid_t()
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
    arguments.append(nil)
    defer { arguments.forEach { free($0) } }
    let start = ProcessInfo.processInfo.systemUptime
    let code = posix_spawnp(&process, command[0], nil, nil, arguments, environ)
    guard code == 0 else { throw Failure(command: command, status: code) }
    var status: Int32 = 0
    var usage = rusage()
    while wait4(process, &status, 0, &usage) == -1 && errno == EINTR {}
    seconds = ProcessInfo.processInfo.systemUptime - start
    guard status == 0 else { throw Failure(command: command, status: status) }
    func time(_ value: timeval) -> Double { Double(value.tv_sec) + Double(value.tv_usec) * 1e-6 }
    userSeconds = time(usage.ru_utime)
    systemSeconds = time(usage.ru_stime)
    #if os(Linux)
      peakByteCount = Int(usage.ru_maxrss) * 1024
    #else
      peakByteCount = Int(usage.ru_maxrss)
    #endif
  }

  struct Failure: Error {
    var command: [String]
    var status: Int32
  }
}
