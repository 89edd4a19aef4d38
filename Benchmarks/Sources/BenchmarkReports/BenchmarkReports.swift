// SPDX-License-Identifier: Apache-2.0
//
// What the benchmarks' reports share.

import Foundation

/// The middle one, or the mean of the two in the middle; there must be one.
public func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}

/// What a command prints, without the line's end; empty where it fails.
public func output(_ command: String...) -> String {
  let (process, pipe) = (Process(), Pipe())
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = command
  process.standardOutput = pipe
  process.standardError = FileHandle.nullDevice
  guard (try? process.run()) != nil else { return "" }
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
}

/// The processor's name, as the system tells it.
public func machine() -> String {
  let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
  let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
  return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
    ?? output("sysctl", "-n", "machdep.cpu.brand_string")
}
