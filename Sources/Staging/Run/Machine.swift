// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The computer that a run is trained on, as its records name it.
enum Machine {
  /// Host, processor and number of cores.
  static var name: String {
    "\(host), \(processor ?? "unknown processor"), \(ProcessInfo.processInfo.processorCount) cores"
  }

  private static var host: String {
    var bytes = [CChar](repeating: 0, count: 256)
    guard gethostname(&bytes, bytes.count - 1) == 0 else { return "unknown host" }
    return String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  #if canImport(Darwin)
    private static var processor: String? {
      var count = 0
      let name = "machdep.cpu.brand_string"
      guard sysctlbyname(name, nil, &count, nil, 0) == 0 else { return nil }
      var bytes = [CChar](repeating: 0, count: count)
      guard sysctlbyname(name, &bytes, &count, nil, 0) == 0 else { return nil }
      return String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
  #else
    private static var processor: String? {
      let text = FileManager.default.contents(atPath: "/proc/cpuinfo")
        .map { String(decoding: $0, as: UTF8.self) }
      let line = text?.split(separator: "\n").first { $0.hasPrefix("model name") }
      return line?.split(separator: ":", maxSplits: 1).last
        .map { $0.trimmingCharacters(in: .whitespaces) }
    }
  #endif
}
