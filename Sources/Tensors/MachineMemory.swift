// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation
import Wording

/// The memory that this process may still take: what is free on its machine, in its control groups
/// and below its own limit, whichever is least.
///
/// Memory is compared with what a file, a recipe or an option asks for *before* it is taken: a system
/// that promises more than it has ends a process in the middle of its work.
///
/// `ESPALIER_MEMORY` overrides what was found: bytes, also with a unit (`8GB`), or `none` for no limit.
public struct MachineMemory: Sendable, Hashable {
  /// What sets the limit.
  public enum Limit: String, Sendable, Hashable {
    /// The machine's memory.
    case machine = "the machine"
    /// The memory that a control group may take, as containers and batch systems set it.
    case controlGroup = "the control group"
    /// The process's own limit, as `ulimit -v` sets it.
    case process = "the process"
    /// The variable `ESPALIER_MEMORY`.
    case environment = "ESPALIER_MEMORY"
  }
  /// Bytes in all.
  public var total: Int
  /// Bytes that can still be taken.
  public var available: Int
  /// What sets ``available``.
  public var limit: Limit
  /// What the variable says where that is no number of bytes; everything is refused then.
  public private(set) var mistake: String?

  /// Makes a memory.
  public init(total: Int, available: Int, limit: Limit = .machine) {
    self.total = total
    self.available = available
    self.limit = limit
  }

  /// The name of the variable that overrides what was found.
  public static let variable = "ESPALIER_MEMORY"

  /// The memory as it is now.
  public static var current: MachineMemory {
    MachineMemory(
      root: URL(filePath: "/", directoryHint: .isDirectory),
      override: ProcessInfo.processInfo.environment[variable])
  }

  /// Checks that so many bytes can still be taken.
  ///
  /// - Parameters:
  ///   - byteCount: what is about to be taken; more than `Int` holds counts as its largest value.
  ///   - purpose: what it is for, as in "the parameters and moments of 1,000 parameters".
  ///   - remedy: what takes less, as in "use a smaller model".
  ///   - subject: the file, key or option that asks for it.
  /// - Throws: ``TensorsError`` of code `insufficientMemory` with both numbers.
  public func check(
    _ byteCount: Int, for purpose: String, remedy: String, subject: String
  ) throws {
    if let mistake {
      throw TensorsError(
        .insufficientMemory,
        "is \(mistake.excerpt); expected bytes, such as 8000000000 or 8GB, or none",
        subject: Self.variable)
    }
    guard byteCount > available || byteCount == .max else { return }
    throw TensorsError(
      .insufficientMemory,
      "\(purpose) would take \(Self.text(byteCount)); \(Self.text(available)) of the "
        + "\(Self.text(total)) of \(limit.rawValue) are free; \(remedy), or set \(Self.variable) "
        + "(bytes, or none) where this is mistaken",
      subject: subject)
  }

  /// Adds byte counts, each a product of extents; the largest `Int` where that overflows.
  public static func bytes(_ products: [Int]...) -> Int {
    var sum = 0
    for factors in products {
      var product = 1
      for factor in factors {
        let (next, overflow) = product.multipliedReportingOverflow(by: factor)
        if overflow { return .max }
        product = next
      }
      let (next, overflow) = sum.addingReportingOverflow(product)
      if overflow { return .max }
      sum = next
    }
    return sum
  }

  /// `950 MB`, `23.4 GB`, in powers of 1000.
  package static func text(_ byteCount: Int) -> String {
    if byteCount == .max { return "more than 9 EB" }
    for (factor, unit) in [(1e15, "PB"), (1e12, "TB"), (1e9, "GB")]
    where Double(byteCount) >= factor {
      return String(format: "%.1f \(unit)", Double(byteCount) / factor)
    }
    return String(format: "%.0f MB", Double(byteCount) / 1e6)
  }
}

extension MachineMemory {
  /// The memory that files below a root tell of, as Linux has them; physical memory elsewhere.
  package init(root: URL, override: String?) {
    let system = SystemFiles(root: root)
    var memory = system.machine
    for group in system.controlGroups where group.available < memory.available { memory = group }
    if let process = system.process, process.available < memory.available { memory = process }
    switch override.map({ $0.trimmingCharacters(in: .whitespaces) }) {
    case "none"?: memory = MachineMemory(total: .max, available: .max, limit: .environment)
    case let text? where !text.isEmpty:
      if let bytes = ByteCountText.byteCount(of: text) {
        memory = MachineMemory(total: bytes, available: bytes, limit: .environment)
      } else {
        memory.mistake = text
      }
    default: break
    }
    self = memory
  }
}

/// What Linux tells of memory in files.
private struct SystemFiles {
  let root: URL

  /// The whole machine; files in the cache count as free, for the system drops them on demand.
  var machine: MachineMemory {
    let physical = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    let lines = fields("proc/meminfo", unit: 1024)
    let total = lines["MemTotal"] ?? physical
    return MachineMemory(total: total, available: lines["MemAvailable"] ?? total)
  }

  /// Each control group with a limit that this process is in, up to the outermost.
  var controlGroups: [MachineMemory] {
    (text("proc/self/cgroup") ?? "").split(separator: "\n").flatMap { line -> [MachineMemory] in
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { return [] }
      if parts[1].isEmpty { return groups(of: .second, path: parts[2]) }
      return parts[1].split(separator: ",").contains("memory")
        ? groups(of: .first, path: parts[2]) : []
    }
  }

  /// The two layouts of control groups.
  private enum Version {
    case first, second

    var folders: [String] {
      switch self {
      case .first: ["sys/fs/cgroup/memory"]
      case .second: ["sys/fs/cgroup", "sys/fs/cgroup/unified"]
      }
    }
    var limit: String { self == .first ? "memory.limit_in_bytes" : "memory.max" }
    var usage: String { self == .first ? "memory.usage_in_bytes" : "memory.current" }
    /// Files in the cache that were not read of late, which the system drops on demand.
    var cache: String { self == .first ? "total_inactive_file" : "inactive_file" }
  }

  private func groups(of version: Version, path: Substring) -> [MachineMemory] {
    let names = path.split(separator: "/").filter { $0 != ".." }
    return version.folders.flatMap { folder in
      (0...names.count).compactMap { depth in
        group(version, ([folder] + names.prefix(depth).map(String.init)).joined(separator: "/"))
      }
    }
  }

  private func group(_ version: Version, _ folder: String) -> MachineMemory? {
    // Without a limit the file says "max", or a number that no machine has.
    guard let limit = number("\(folder)/\(version.limit)"), limit < 1 << 60,
      let usage = number("\(folder)/\(version.usage)")
    else { return nil }
    let cache = fields("\(folder)/memory.stat", unit: 1)[version.cache] ?? 0
    let taken = max(0, usage - min(cache, usage))
    return MachineMemory(
      total: limit, available: max(0, limit - taken), limit: .controlGroup)
  }

  /// The limit of this process's address space; nil where there is none.
  var process: MachineMemory? {
    #if os(Linux)
      var limit = rlimit()
      guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0,
        let total = Int(exactly: limit.rlim_cur), total < 1 << 60
      else { return nil }
      let taken = fields("proc/self/status", unit: 1024)["VmSize"] ?? 0
      return MachineMemory(total: total, available: max(0, total - taken), limit: .process)
    #else
      return nil
    #endif
  }

  private func text(_ path: String) -> String? {
    (try? RegularFile.contents(of: root.appending(path: path).path, atMost: 1 << 20))
      .map { String(decoding: $0, as: UTF8.self) }
  }

  private func number(_ path: String) -> Int? {
    text(path).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  /// The numbers of lines such as `MemTotal:  24684092 kB` or `inactive_file 4096`.
  private func fields(_ path: String, unit: Int) -> [String: Int] {
    var result: [String: Int] = [:]
    for line in (text(path) ?? "").split(separator: "\n") {
      let words = line.split { $0 == " " || $0 == "\t" || $0 == ":" }
      guard words.count >= 2, let value = Int(words[1]) else { continue }
      let (bytes, overflow) = value.multipliedReportingOverflow(by: unit)
      if !overflow { result[String(words[0])] = bytes }
    }
    return result
  }
}
