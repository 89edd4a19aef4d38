// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

import Tensors

@Suite("Memory of the machine")
struct MachineMemoryTests {
  /// A tree of files as Linux shows them.
  private func memory(_ files: [String: String], override: String? = nil) throws -> MachineMemory {
    let root = FileManager.default.temporaryDirectory.appending(
      path: UUID().uuidString, directoryHint: .isDirectory)
    defer { try? FileManager.default.removeItem(at: root) }
    for (path, text) in files {
      let file = root.appending(path: path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    return MachineMemory(root: root, override: override)
  }

  private let machine = "MemTotal:       1000 kB\nMemFree:  10 kB\nMemAvailable:    600 kB\n"

  @Test("files in the machine's cache count as free")
  func ofMachine() throws {
    #expect(
      try memory(["proc/meminfo": machine])
        == MachineMemory(total: 1_024_000, available: 614_400, limit: .machine))
  }

  @Test(
    "the tightest control group counts, less what it has taken but for its cache",
    arguments: [
      (
        "0::/job/step\n", "sys/fs/cgroup/job",
        ["memory.max": "200000\n", "memory.current": "150000\n"], "inactive_file 20000\n"
      ),
      (
        "4:cpu,memory:/job/step\n0::/\n", "sys/fs/cgroup/memory/job",
        ["memory.limit_in_bytes": "200000\n", "memory.usage_in_bytes": "150000\n"],
        "inactive_file 7\ntotal_inactive_file 20000\n"
      ),
      (
        "0::/\n", "sys/fs/cgroup", ["memory.max": "200000", "memory.current": "150000"],
        "inactive_file 20000\n"
      ),
    ])
  func ofControlGroup(_ groups: String, folder: String, files: [String: String], stat: String)
    throws
  {
    var tree = ["proc/meminfo": machine, "proc/self/cgroup": groups, "\(folder)/memory.stat": stat]
    for (name, text) in files { tree["\(folder)/\(name)"] = text }
    #expect(
      try memory(tree) == MachineMemory(total: 200_000, available: 70_000, limit: .controlGroup))
  }

  @Test("a group without a limit limits nothing", arguments: ["max\n", "9223372036854771712\n"])
  func withoutLimit(_ text: String) throws {
    let found = try memory([
      "proc/meminfo": machine, "proc/self/cgroup": "0::/\n1:memory:/\n",
      "sys/fs/cgroup/memory.max": text, "sys/fs/cgroup/memory.current": "5\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": text,
      "sys/fs/cgroup/memory/memory.usage_in_bytes": "5\n",
    ])
    #expect(found.limit == .machine)
  }

  @Test(
    "what no Linux writes is passed over", arguments: ["", "MemTotal: -\n\n:::\nMemTotal", "0"])
  func ofDamagedFiles(_ text: String) throws {
    let found = try memory([
      "proc/meminfo": text, "proc/self/cgroup": text, "proc/self/status": text,
    ])
    #expect(found.total > 0)
  }

  @Test("the variable overrides what was found, but for nonsense")
  func override() throws {
    let files = ["proc/meminfo": machine]
    #expect(
      try memory(files, override: " 5000 ")
        == MachineMemory(total: 5000, available: 5000, limit: .environment))
    #expect(try memory(files, override: "none").available == .max)
    #expect(try memory(files, override: "").limit == .machine)
    for (text, bytes) in [("8GB", 8_000_000_000), ("1.5 KiB", 1536), ("900m", 900_000_000)] {
      #expect(try memory(files, override: text).available == bytes)
    }
    for text in ["-3", "many", "nan", "1e300", "9223372036854775808", "GB"] {
      let memory = try memory(files, override: text)
      let error = #expect(throws: TensorsError.self) {
        try memory.check(0, for: "nothing", remedy: "", subject: "")
      }
      #expect(error?.description.hasPrefix("ESPALIER_MEMORY: is \(text); expected") == true)
    }
  }

  @Test("what is too much is refused with both numbers")
  func refusal() throws {
    let memory = MachineMemory(total: 24_000_000_000, available: 1_500_000_000)
    try memory.check(1_500_000_000, for: "this", remedy: "use less", subject: "model")
    let error = try #require(throws: TensorsError.self) {
      try memory.check(
        MachineMemory.bytes([40_000_000_000, 2]), for: "the model", remedy: "use a smaller one",
        subject: "model.hidden")
    }
    #expect(error.code == .insufficientMemory)
    #expect(
      error.description
        == "model.hidden: the model would take 80.0 GB; 1.5 GB of the 24.0 GB of the machine are "
        + "free; use a smaller one, or set ESPALIER_MEMORY (bytes, or none) where this is mistaken")
  }

  @Test("sums of products beyond Int are its largest value")
  func overflow() {
    #expect(MachineMemory.bytes([3, 4], [5]) == 17)
    #expect(MachineMemory.bytes([1 << 40, 1 << 40]) == .max)
    #expect(MachineMemory.bytes([.max], [1]) == .max)
    #expect(MachineMemory.bytes() == 0)
  }

  @Test("this machine has memory")
  func here() {
    let memory = MachineMemory.current
    #expect(memory.available > 0)
    #expect(memory.available <= memory.total)
  }
}
