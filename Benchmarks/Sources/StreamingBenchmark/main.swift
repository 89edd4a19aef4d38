// SPDX-License-Identifier: Apache-2.0
//
// Times `espalier grow` on a model of any size beside `cp` of what it writes.
//
//     StreamingBenchmark ESPALIER FOLDER [PARAMETERS] [ROUNDS] [JSON FILE]
//
// Makes a random Llama in bfloat16 shards, FOLDER/small, unless it is there; grows it × 2 in depth and
// × 2 in width with default options; after each growth copies the result twice with `cp -r`, of which
// the faster counts: the second finds more of it in memory. All end with a sync, which is counted, and
// begin after one. Takes nine times the model's bytes on the disk.

import BenchmarkReports
import Foundation

struct Series: Codable {
  var growth: String
  var byteCount = 0
  var grow: [Measured] = []
  var copy: [Double] = []

  init(growth: String) { self.growth = growth }

  func rate(_ seconds: [Double]) -> Double { Double(byteCount) * 1e-9 / median(seconds) }

  var row: String {
    let times = grow.map(\.seconds)
    let cells = [
      growth, String(format: "%.2f", Double(byteCount) * 1e-9),
      String(format: "**%.2f**", median(times)), String(format: "%.2f", rate(times)),
      String(format: "%.2f", median(copy)), String(format: "%.2f", rate(copy)),
      String(format: "**%.2f**", median(copy) / median(times)),
      String(format: "%.1f", median(grow.map { $0.userSeconds + $0.systemSeconds })),
      String(format: "**%.0f**", Double(grow.map(\.peakByteCount).max() ?? 0) * 1e-6),
    ]
    return "| " + cells.joined(separator: " | ") + " |"
  }
}

struct Report: Codable {
  var machine: String
  var cores: Int
  var commit: String
  var parameters: Int
  var layers: Int
  var width: Int
  var sourceByteCount: Int
  var series: [Series]
}

func byteCount(of directory: URL) throws -> Int {
  try FileManager.default.contentsOfDirectory(atPath: directory.path).reduce(0) { sum, name in
    let item = directory.appending(path: name).path
    let size = try FileManager.default.attributesOfItem(atPath: item)[.size]
    return sum + ((size as? NSNumber)?.intValue ?? 0)
  }
}

/// How long `cp` and a sync take; the copy is removed.
func seconds(copying source: URL, to target: URL) throws -> Double {
  sync()
  let start = ProcessInfo.processInfo.systemUptime
  _ = try Measured(["cp", "-r", source.path, target.path])
  sync()
  let seconds = ProcessInfo.processInfo.systemUptime - start
  try FileManager.default.removeItem(at: target)
  return seconds
}

func run() throws {
  let arguments = CommandLine.arguments.dropFirst().map { $0 }
  guard arguments.count >= 2 else {
    print("usage: StreamingBenchmark ESPALIER FOLDER [PARAMETERS] [ROUNDS] [JSON FILE]")
    exit(64)
  }
  let command = arguments[0]
  let folder = URL(fileURLWithPath: arguments[1], isDirectory: true)
  let model = SyntheticModel(
    parameters: arguments.count > 2 ? Double(arguments[2]) ?? 3e9 : 3e9)
  let rounds = arguments.count > 3 ? max(1, Int(arguments[3]) ?? 3) : 3
  let (small, large, copy) = (
    folder.appending(path: "small"), folder.appending(path: "large"), folder.appending(path: "copy")
  )
  func remove(_ url: URL) { try? FileManager.default.removeItem(at: url) }
  let isKept = FileManager.default.fileExists(atPath: small.path)
  defer { (isKept ? [large, copy] : [small, large, copy]).forEach(remove) }
  let total = try model.configuration.parameterCount().total
  if !isKept { try model.write(to: small, shardByteCount: max(1 << 20, total / 2)) }

  var all = [("depth × 2", "--depth"), ("width × 2", "--width")]
    .map { (Series(growth: $0.0), $0.1) }
  for _ in 0..<rounds {
    for index in all.indices {
      sync()
      all[index].0.grow.append(
        try Measured([command, "grow", small.path, "-o", large.path, all[index].1, "2", "--quiet"]))
      all[index].0.byteCount = try byteCount(of: large)
      let copies = try (0..<2).map { _ in try seconds(copying: large, to: copy) }
      all[index].0.copy.append(min(copies[0], copies[1]))
      remove(large)
      print(all[index].0.growth, all[index].0.grow.last?.seconds ?? 0, copies)
    }
  }
  let changed = !output("git", "status", "--porcelain", "--untracked-files=no").isEmpty
  let commit =
    output("git", "rev-parse", "--short=12", "HEAD") + (changed ? " with uncommitted changes" : "")
  print(
    """
    | growth | written, GB | seconds | GB/s | cp, seconds | GB/s | share of cp's rate | CPU seconds | \
    peak memory, MB |
    |---|---|---|---|---|---|---|---|---|
    """)
  for (series, _) in all { print(series.row) }
  let report = Report(
    machine: machine(), cores: ProcessInfo.processInfo.activeProcessorCount, commit: commit,
    parameters: total, layers: model.configuration.layerCount,
    width: model.configuration.hiddenSize, sourceByteCount: try byteCount(of: small),
    series: all.map(\.0))
  print("\n\(report.machine), \(report.cores) cores, commit \(commit), \(rounds) rounds, medians")
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
  let json = try encoder.encode(report)
  if arguments.count > 4 {
    try json.write(to: URL(fileURLWithPath: arguments[4]))
  } else {
    print(String(decoding: json, as: UTF8.self))
  }
}

try run()
