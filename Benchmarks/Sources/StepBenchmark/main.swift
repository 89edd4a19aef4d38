// SPDX-License-Identifier: Apache-2.0
//
// Times whole optimizer steps (forward, backward, clip, update) on random tokens.
//
//     StepBenchmark SIZES fp32|bf16 STEPS THREADS [muon] [profile] [xla]
//
// SIZES are LAYERS,HEADS,WIDTH,VOCABULARY,CONTEXT,BATCH of a GPT-2; with ,KEY_VALUE_HEADS,INTERMEDIATE_WIDTH
// behind them those of a Llama. AdamW updates, or Muon. With xla the first PJRT plugin that is found computes,
// which takes its threads from its environment. Prints one JSON object: the seconds of each step after the
// first, the last loss, peak memory, the floating-point operations of a step; for XLA the seconds of compiling
// and the memory that it reports, too.

import Espalier
import Foundation

struct Arguments {
  var sizes: [Int]
  var precision: Precision
  var steps: Int
  var threads: Int
  var optimizer: OptimizerConfiguration
  var profiles: Bool
  var usesXLA: Bool

  init?(_ words: [String]) {
    guard words.count >= 5 else { return nil }
    sizes = words[1].split(separator: ",").compactMap { Int($0) }
    guard sizes.count == 6 || sizes.count == 8, let precision = Precision(rawValue: words[2]),
      let steps = Int(words[3]), let threads = Int(words[4])
    else { return nil }
    self.precision = precision
    self.steps = steps
    self.threads = threads
    let adamW = AdamWConfiguration()
    optimizer = words.dropFirst(5).contains("muon") ? .muon(.init(adamW: adamW)) : .adamW(adamW)
    profiles = words.dropFirst(5).contains("profile")
    usesXLA = words.dropFirst(5).contains("xla")
  }

  var configuration: ModelConfiguration {
    if sizes.count == 8 {
      return ModelConfiguration(
        architecture: .llama, layerCount: sizes[0], hiddenSize: sizes[2], headCount: sizes[1],
        keyValueHeadCount: sizes[6], headSize: sizes[2] / sizes[1], intermediateSize: sizes[7],
        vocabularySize: sizes[3], contextLength: sizes[4], rotary: RotaryEmbedding(), tiesHead: true
      )
    }
    return ModelConfiguration(
      architecture: .gpt2, layerCount: sizes[0], hiddenSize: sizes[2], headCount: sizes[1],
      intermediateSize: 4 * sizes[2], vocabularySize: sizes[3], contextLength: sizes[4],
      tiesHead: true)
  }
}

/// The most memory this process has held, in bytes.
func peakMemory() -> Int {
  var usage = rusage()
  #if os(Linux)
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  #else
    getrusage(RUSAGE_SELF, &usage)
    return usage.ru_maxrss
  #endif
}

func makeParameters(_ program: Program) -> [ParameterState] {
  var random = SystemRandomNumberGenerator()
  return program.parameters.map { spec -> ParameterState in
    var values = [Float](repeating: 0, count: spec.shape.elementCount)
    for index in values.indices {
      values[index] =
        spec.initializer == .ones ? 1 : Float.random(in: -0.034...0.034, using: &random)
    }
    return ParameterState(value: HostTensor(values, shape: spec.shape))
  }
}

/// A session of the engine that was asked for, and what a report says of the engine when steps are done.
func makeSession(
  _ arguments: Arguments, _ program: Program, _ parameters: [ParameterState], _ profiler: Profiler?
) throws -> (any TrainingSession, report: () -> [String: Any]) {
  guard arguments.usesXLA else {
    let session = try CPUTrainingEngine(threads: arguments.threads).makeCPUSession(
      for: program, parameters: parameters, precision: arguments.precision)
    session.profiler = profiler
    return (session, { [:] })
  }
  guard let plugin = PluginSearch().plugins().first else {
    print(
      "StepBenchmark finds no PJRT plugin; make xla and ESPALIER_PLUGINS=.xla, as Scripts/bench does"
    )
    exit(1)
  }
  // What an earlier process compiled would hide what compiling takes.
  let engine = try XLATrainingEngine(plugin: plugin.path, executables: nil)
  let session = try engine.makeSession(
    for: program, parameters: parameters, precision: arguments.precision)
  return (
    session,
    {
      let made = engine.compilations
      // One program runs after the other.
      let largest = made.compactMap(\.memory).max { $0.total < $1.total }
      return [
        "compileSeconds": made.reduce(0) { $0 + $1.seconds },
        "xlaBytes": [
          "arguments": largest?.arguments, "outputs": largest?.outputs,
          "aliases": largest?.aliases, "temporaries": largest?.temporaries,
        ].compactMapValues(\.self),
      ]
    }
  )
}

func run(_ arguments: Arguments) throws {
  let program = try arguments.configuration.program()
  let parameters = makeParameters(program)
  let profiler = arguments.profiles ? Profiler() : nil
  let (session, engineReport) = try makeSession(arguments, program, parameters, profiler)
  var clocks = zip(program.parameters, parameters).map { ParameterClock(name: $0.name, $1) }
  let (length, batchSize) = (arguments.sizes[4], arguments.sizes[5])
  let vocabulary = Int32(arguments.sizes[3])
  func tokens() -> [Int32] {
    (0..<length * batchSize).map { _ in Int32.random(in: 0..<vocabulary) }
  }
  let batch = TokenBatch(
    sequenceCount: batchSize, sequenceLength: length, inputs: tokens(), targets: tokens())

  var seconds: [Double] = []
  var loss = 0.0
  for step in 0...arguments.steps {
    let start = ContinuousClock.now
    loss = try session.accumulateGradients(
      of: batch, normalizer: batch.targetCount,
      dropoutKey: DropoutKey(seed: 0, step: UInt64(step), microBatch: 0)
    ).mean
    let updates = arguments.optimizer.updates(
      learningRate: 3e-4, parameters: program.parameters, clocks: clocks)
    _ = try session.update(updates, clip: 1)
    arguments.optimizer.advance(&clocks, of: program.parameters)
    if step > 0 { seconds.append((ContinuousClock.now - start) / .seconds(1)) }
    if step == 0 { profiler?.reset() }
  }
  if let profiler {
    for operation in profiler.profile().operations {
      let milliseconds = operation.seconds * 1e3 / Double(arguments.steps)
      let speed = operation.floatingPointOperationsPerSecond.map {
        String(format: "%8.1f GFLOP/s", $0 / 1e9)
      }
      FileHandle.standardError.write(
        Data(
          String(
            format: "%9.3f ms  %-22@ %@\n", milliseconds, operation.name, speed ?? ""
          ).utf8))
    }
  }
  var report = engineReport()
  let operations =
    program.floatingPointOperations(sequenceLength: length).training * Double(length * batchSize)
  report.merge(
    [
      "seconds": seconds, "loss": loss, "peakBytes": peakMemory(),
      "floatingPointOperations": operations,
    ]
  ) { $1 }
  let json = try JSONSerialization.data(withJSONObject: report, options: .sortedKeys)
  print(String(decoding: json, as: UTF8.self))
}

guard let arguments = Arguments(CommandLine.arguments) else {
  print("usage: StepBenchmark L,H,D,V,T,B[,K,I] fp32|bf16 STEPS THREADS [muon] [profile] [xla]")
  exit(2)
}
try run(arguments)
