// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How much memory this process may have.
public enum MachineMemory {
  /// Bytes: the machine's, or what its control groups leave of them.
  public static var byteCount: Int {
    let machine = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    return groupLimits.reduce(machine, min)
  }

  /// The limits of the process's control groups and of those above them, of both versions.
  private static var groupLimits: [Int] {
    (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)).map(limitFiles)?
      .compactMap { file in
        (try? String(contentsOfFile: file, encoding: .utf8))
          .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
      } ?? []
  }

  /// The files that hold limits, for the text of `/proc/self/cgroup`.
  static func limitFiles(_ groups: String) -> [String] {
    groups.split(separator: "\n").flatMap { line -> [String] in
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { return [] }
      let isSecondVersion = parts[0] == "0" && parts[1].isEmpty
      guard isSecondVersion || parts[1].split(separator: ",").contains("memory") else { return [] }
      let (root, name) =
        isSecondVersion
        ? ("/sys/fs/cgroup", "memory.max") : ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
      var folders = [root]
      for folder in parts[2].split(separator: "/") {
        folders.append((folders.last ?? root) + "/" + folder)
      }
      return folders.map { "\($0)/\(name)" }
    }
  }
}
