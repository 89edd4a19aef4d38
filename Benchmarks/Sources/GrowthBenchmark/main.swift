// SPDX-License-Identifier: Apache-2.0
//
// Times the growth of a whole training state beside plain copies of as many bytes.
//
//     GrowthBenchmark [ROUNDS] [JSON FILE]
//
// The state is a GPT-2 of 12 layers, 768 wide, with random values and moments; it grows × 2 in width
// (default options, noise included), × 2 in depth, and in both. Prints a table; needs 14 GB of memory.

import BenchmarkReports
import Espalier
import Foundation

let model = ModelConfiguration(
  architecture: .gpt2, layerCount: 12, hiddenSize: 768, headCount: 12, intermediateSize: 3072,
  vocabularySize: 32768, contextLength: 1024, tiesHead: true)

/// Uniform numbers between bounds, another sequence for each seed.
func randomTensor(_ shape: Shape, _ range: Range<Float>, seed: Int) -> HostTensor {
  HostTensor(shape: shape) { bytes in
    nonisolated(unsafe) let target = bytes.bindMemory(to: Float.self)
    let piece = 1 << 16
    DispatchQueue.concurrentPerform(iterations: (target.count + piece - 1) / piece) { index in
      var word = UInt64(seed) << 32 ^ UInt64(index) | 1 << 63
      for element in index * piece..<min((index + 1) * piece, target.count) {
        word = word &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let unit = Float(word >> 40) * 0x1p-24
        target[element] = range.lowerBound + unit * (range.upperBound - range.lowerBound)
      }
    }
  }
}

func makeState() throws -> TrainingState {
  let specs = try model.program().parameters
  let tokens = try InMemoryTokens(
    Array(repeating: 0, count: model.contextLength + 1), vocabularySize: model.vocabularySize)
  let stream = try BatchStream(
    tokens, contextLength: model.contextLength, order: .sequential, seed: 0)
  let training = TrainingConfiguration(
    batch: BatchConfiguration(sequences: 8),
    schedule: LearningRateSchedule(peak: 6e-4, total: .steps(1000)),
    stop: StopConditions(after: .steps(1000)))
  var state = TrainingState(
    model: model, training: training,
    values: specs.enumerated().map {
      randomTensor($1.shape, -0.034..<0.034, seed: 3 * $0)
    }, cursor: stream.cursor)
  for (index, spec) in specs.enumerated() {
    state.parameters[index].firstMoment = randomTensor(
      spec.shape, -1e-3..<1e-3, seed: 3 * index + 1)
    state.parameters[index].secondMoment = randomTensor(spec.shape, 0..<1e-6, seed: 3 * index + 2)
    state.parameters[index].stepCount = 100
  }
  return state
}

extension TrainingState {
  /// Each tensor's place in memory and size; tensors that share bytes have the same place.
  var tensors: [(place: UnsafeRawPointer, byteCount: Int)] {
    parameters.flatMap { [$0.value, $0.firstMoment, $0.secondMoment] }.compactMap { tensor in
      tensor?.withUnsafeBytes { bytes in bytes.baseAddress.map { ($0, bytes.count) } }
    }
  }
  var byteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }
  /// Bytes that are not those of another state, counted once.
  func byteCount(notIn other: TrainingState) -> Int {
    var seen = Set(other.tensors.map(\.place))
    return tensors.reduce(0) { $0 + (seen.insert($1.place).inserted ? $1.byteCount : 0) }
  }
}

/// One growth's measurements, seconds by round.
struct Series {
  var name: String
  var growth: any GrowthOperator
  var stateBytes = 0
  var writtenBytes = 0
  var grown: [Double] = []
  var copies: [MemoryCopy] = []

  mutating func measure(
    _ state: TrainingState, _ source: UnsafeMutableRawBufferPointer, _ threads: Int
  ) throws {
    try autoreleased {
      var result: TrainingState?
      grown.append(try seconds { result = try growth.grown(state) })
      stateBytes = result?.byteCount ?? 0
      writtenBytes = result?.byteCount(notIn: state) ?? 0
    }
    copies.append(MemoryCopy(byteCount: writtenBytes, from: source, threads: threads))
  }

  /// Gigabytes a second.
  func rate(_ seconds: [Double]) -> Double { Double(writtenBytes) * 1e-9 / median(seconds) }

  var row: String {
    let rates = [grown, copies.map(\.fresh), copies.map(\.freshLargePages), copies.map(\.warm)]
      .map(rate)
    let numbers = rates.map { String(format: "%.1f", $0) }
    let shares = rates.dropFirst().map { String(format: "%.2f", rates[0] / $0) }
    let sizes = [stateBytes, writtenBytes].map { String(format: "%.2f", Double($0) * 1e-9) }
    return "| "
      + ([name] + sizes + [String(format: "**%.3f**", median(grown))] + numbers + shares)
      .joined(separator: " | ") + " |"
  }

  var json: [String: Any] {
    [
      "growth": name, "stateBytes": stateBytes, "writtenBytes": writtenBytes, "seconds": grown,
      "copyFresh": copies.map(\.fresh), "copyFreshLargePages": copies.map(\.freshLargePages),
      "copyWarm": copies.map(\.warm),
    ]
  }
}

/// Ends the lives of what `body` makes before it returns.
func autoreleased(_ body: () throws -> Void) rethrows { try body() }

func run() throws {
  let arguments = CommandLine.arguments.dropFirst()
  let rounds = max(1, arguments.first.flatMap { Int($0) } ?? 5)
  let threads = ProcessInfo.processInfo.activeProcessorCount
  let state = try makeState()
  let source = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 30, alignment: 1 << 21)
  defer { source.deallocate() }
  source.initializeMemory(as: UInt8.self, repeating: 1)

  var all: [Series] = [
    Series(name: "width × 2", growth: WidthGrowth(factor: 2)),
    Series(name: "depth × 2", growth: DepthGrowth(factor: 2)),
    Series(
      name: "width × 2, depth × 2",
      growth: WidthGrowth(factor: 2).then(DepthGrowth(factor: 2))),
  ]
  for _ in 0..<rounds {
    for index in all.indices { try all[index].measure(state, source, threads) }
  }

  let changed = !output("git", "status", "--porcelain", "--untracked-files=no").isEmpty
  let commit =
    output("git", "rev-parse", "--short=12", "HEAD") + (changed ? " with uncommitted changes" : "")
  print(
    """
    | growth | state, GB | written, GB | seconds | GB/s | copy, fresh | copy, fresh large pages | \
    copy, warm | of fresh | of large pages | of warm |
    |---|---|---|---|---|---|---|---|---|---|---|
    """)
  for series in all { print(series.row) }
  print("\n\(machine()), \(threads) threads, commit \(commit), \(rounds) rounds, medians")
  let report: [String: Any] = [
    "machine": machine(), "threads": threads, "commit": commit, "rounds": rounds,
    "model": "GPT-2, 12 layers, 768 wide, vocabulary 32768, context 1024, moments",
    "growths": all.map(\.json),
  ]
  let json = try JSONSerialization.data(
    withJSONObject: report, options: [.sortedKeys, .prettyPrinted])
  if let path = arguments.dropFirst().first {
    try json.write(to: URL(fileURLWithPath: path))
  } else {
    print(String(decoding: json, as: UTF8.self))
  }
}

try run()
