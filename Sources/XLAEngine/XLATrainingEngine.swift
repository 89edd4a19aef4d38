// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO
import Synchronization
import Tensors
import Training

/// XLA on the first device of a PJRT plugin: programs are written as StableHLO and compiled for each batch
/// shape.
///
/// The same plugin on the same kind of device gives the same bits, run after run.
public struct XLATrainingEngine: TrainingEngine {
  private let client: DeviceClient
  private let executables: ExecutableCache
  /// Whether the way back computes values again instead of keeping them: a step takes about a third longer,
  /// and of each block of the model only what goes into it is kept.
  public var recomputesActivations = false
  /// The most logits of a head that are in memory at once, for tests; nil for the usual number.
  package var logitsAtOnce: Int?
  /// When attention goes in blocks, for tests.
  package var attention = AttentionBlocks()

  private struct Opened {
    var client: DeviceClient
    var executables: [ExecutableFolder?: ExecutableCache] = [:]
  }
  /// One client for each plugin: some take most of a device's memory when they are made.
  private static let opened = Mutex<[String: Opened]>([:])

  /// Makes an engine of a plugin.
  ///
  /// - Parameters:
  ///   - plugin: where the plugin's library is.
  ///   - folder: where compiled programs are kept for later processes; nil for nowhere.
  /// - Throws: ``XLAEngineError`` where it is no plugin that the engine can use, or finds no device.
  public init(
    plugin path: String, executables folder: ExecutableFolder? = .usual
  ) throws(XLAEngineError) {
    try self.init(opened: PJRTPlugin.open(path), executables: folder)
  }

  /// Makes an engine of a plugin that another process opens first, so that one which is damaged does not
  /// end this one; one that is open here already is not tried.
  ///
  /// - Throws: as ``init(plugin:executables:)``; of code `invalidPlugin` with the signal where the plugin ended
  ///   the other process.
  public init(
    plugin path: String, after trial: PluginTrial, executables folder: ExecutableFolder? = .usual
  ) throws {
    if !PJRTPlugin.isOpen(path) { _ = try trial.describe(path) }
    try self.init(plugin: path, executables: folder)
  }

  init(
    opened plugin: PJRTPlugin, executables folder: ExecutableFolder? = .usual
  ) throws(XLAEngineError) {
    let result = Self.opened.withLock {
      opened -> Result<(DeviceClient, ExecutableCache), XLAEngineError> in
      do throws(XLAEngineError) {
        var known: Opened
        if let made = opened[plugin.path] {
          known = made
        } else {
          known = Opened(client: try DeviceClient(plugin))
        }
        let cache = known.executables[folder] ?? ExecutableCache(folder: folder)
        known.executables[folder] = cache
        opened[plugin.path] = known
        return .success((known.client, cache))
      } catch {
        return .failure(error)
      }
    }
    (client, executables) = try result.get()
  }

  /// The programs that were readied in this process for the plugin, in order, by all engines that keep them in
  /// the same folder.
  public var compilations: [Compilation] { executables.compilations }

  /// `xla:cpu`, `xla:cuda`, ….
  public var name: String { "xla:\(client.platform)" }

  /// The plugin's own words for its version.
  public var platformVersion: String { client.platformVersion }

  /// The first of ``deviceKinds``, which computes.
  public var deviceKind: String? { client.deviceKinds.first }

  /// The version of PJRT's interface, and ``platformVersion`` where that says more than the platform's name:
  /// `PJRT 0.115`.
  public var version: String? {
    let interface = "PJRT \(client.plugin.version.major).\(client.plugin.version.minor)"
    let words = client.platformVersion.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return words.isEmpty || words == client.platform
      ? interface : "\(interface), \(words.prefix(200))"
  }

  /// What kinds of device the plugin sees, in order; the first one computes.
  public var deviceKinds: [String] { client.deviceKinds }

  /// Takes over parameters and moments and readies a program for training.
  ///
  /// - Throws: ``XLAEngineError`` for a parameter that does not fit, or memory that is refused.
  public func makeSession(
    for program: Program, parameters: [ParameterState], precision: Precision
  ) throws -> any TrainingSession {
    let model = try DeviceModel(
      program, parameters: parameters.map(\.value), options: options(precision), client: client,
      executables: executables)
    return try XLATrainingSession(model, parameters: parameters)
  }

  /// Readies a program for scoring and generating.
  ///
  /// - Throws: ``XLAEngineError`` for a parameter that does not fit, or memory that is refused.
  public func makeLanguageModel(
    for program: Program, parameters: [HostTensor], precision: Precision
  ) throws -> any LanguageModel {
    XLALanguageModel(
      try DeviceModel(
        program, parameters: parameters, options: options(precision), client: client,
        executables: executables))
  }

  /// Programs are compiled, which takes seconds.
  public var preparesAhead: Bool { true }

  /// Compiles the programs of a training's step, and those of the losses that are asked for before it.
  public func prepare(_ preparation: TrainingPreparation) throws {
    let program = preparation.program
    let writer = ProgramWriter(program: program, options: options(preparation.precision))
    var programs: [WrittenProgram] = []
    for batch in Set(preparation.scored.map { BatchShape(scoring: $0, by: program) }) {
      let exact = ProgramWriter(program: program, options: options(.fp32))
      programs.append(try exact.scores(batch))
    }
    for (index, batch) in preparation.microBatches.enumerated() {
      let shape = BatchShape(
        sequenceCount: batch.sequenceCount, sequenceLength: batch.sequenceLength)
      programs.append(try writer.gradients(shape, accumulates: index > 0))
    }
    programs.append(try writer.update(preparation.updates.map(UpdateRule.init)))
    for program in programs { _ = try executables.executable(for: program, on: client) }
  }

  private func options(_ precision: Precision) -> LoweringOptions {
    var options = LoweringOptions(precision: precision)
    if let logitsAtOnce { options.logitsAtOnce = logitsAtOnce }
    options.attention = attention
    options.recomputes = recomputesActivations
    options.arrangesFactors = client.platform == "cpu"
    return options
  }

  /// Bytes of this machine's memory that a session takes: on its own processor, parameters, gradients,
  /// moments, values, attention's weights and the logits that are there at once, as an estimate; elsewhere
  /// what goes through its memory on the way to the device.
  public func trainingByteCount(
    of program: Program, precision: Precision, sequenceCount: Int, sequenceLength: Int
  ) throws -> Int {
    let parameters = program.parameterCount.total
    guard client.platform == "cpu" else { return MachineMemory.bytes([parameters, 4]) }
    let rows = sequenceCount.multipliedReportingOverflow(by: sequenceLength)
    let rowCount = rows.overflow ? Int.max : rows.partialValue
    let logits = [rowCount, program.vocabularySize, 4]
    let all =
      program.valueBytes(rowCount, sequenceLength, options(precision))
      + [
        TrainingMemory.sessionBytes(parameterCount: parameters, precision: precision),
        min(MachineMemory.bytes(logits), 4 * options(precision).logitsAtOnce),
      ]
    return all.reduce(0) { MachineMemory.bytes([$0], [$1]) }
  }

  /// An extent as inference compiles it, so that few shapes are compiled.
  package static func roundedUp(_ extent: Int) -> Int { DeviceModel.roundedUp(extent) }

  /// Times eight products of 1024 × 1024 matrices in a row; the best of a dozen.
  public func measurePeak(precision: Precision) throws -> Double {
    let (size, count) = (1024, 8)
    let function = FunctionBuilder()
    let type = TensorType(.float32, [size, size])
    let argument = function.argument(type)
    func operand(_ x: Tensor) -> Tensor {
      precision == .bf16 ? x.converted(to: .bfloat16) : x
    }
    let matrix = operand(argument)
    let result = (0..<count).reduce(argument) { x, _ in
      operand(x).product(matrix, .init(summed: [(1, 0)]))
    }
    let written = try WrittenProgram(
      function, named: "peak", returning: [result.slice(0..<1, axis: 0)])
    let executable = try client.compile(
      written.text, arguments: written.arguments, outputs: written.outputs)
    let input = try client.upload([Float](repeating: 1e-3, count: size * size), type)
    let clock = ContinuousClock()
    var best = Duration.seconds(3600)
    for _ in 0..<12 {
      let start = clock.now
      _ = try executable.run([input])[0].floats()
      best = min(best, clock.now - start)
    }
    return 2 * Double(count) * Double(size * size * size) / (best / .seconds(1))
  }
}
