// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// Trains and grows states in memory and writes what it measures as lines of JSON.
struct Laboratory {
  let data: TokenDataset
  let engine: CPUTrainingEngine
  let output: FileHandle

  /// Opens prepared tokens; results are appended to `output`.
  init(tokens: URL, output: URL, threads: Int) throws {
    data = try TokenDataset.open(tokens)
    engine = CPUTrainingEngine(threads: threads)
    if !FileManager.default.fileExists(atPath: output.path) {
      _ = FileManager.default.createFile(atPath: output.path, contents: nil)
    }
    self.output = try FileHandle(forWritingTo: output)
    try self.output.seekToEnd()
  }

  /// A GPT-2 with heads of 32 and a feed-forward four times as wide.
  func model(layers: Int, width: Int) -> ModelConfiguration {
    ModelConfiguration(
      architecture: .gpt2, layerCount: layers, hiddenSize: width, headCount: width / 32,
      intermediateSize: 4 * width, vocabularySize: data.manifest.vocabularySize,
      contextLength: 128, tiesHead: true)
  }

  /// A new model at the start of its training.
  func start(_ model: ModelConfiguration, _ training: TrainingConfiguration) throws -> TrainingState
  {
    let stream = try BatchStream(
      data.train, contextLength: model.contextLength, order: .shuffled, seed: training.seed)
    return TrainingState(
      model: model, training: training,
      values: try model.program().initialParameters(seed: training.seed), cursor: stream.cursor)
  }

  /// Trains until `steps` steps of the run are done; validation losses go to the output.
  func train(
    _ state: TrainingState, to steps: Int, run: String, seed: UInt64
  ) throws -> TrainingState {
    var state = state
    state.status.training.stop = StopConditions(after: .steps(steps))
    let record: (EvaluationRecord) -> Void = { record in
      try? write(
        [
          "run": run, "seed": seed, "step": record.step, "tokens": record.tokens,
          "flops": record.flops, "loss": record.validationLoss,
        ])
    }
    let loop = try TrainingLoop(
      state: state, engine: engine,
      data: BatchStream(data.train, at: state.status.cursor),
      surroundings: TrainingLoop.Surroundings(
        validation: data.validation,
        observer: TrainingObserver {
          if case .evaluation(let evaluation) = $0 { record(evaluation) }
        }))
    _ = try loop.evaluate()
    _ = try loop.run()
    return try loop.snapshot()
  }

  func write(_ values: [String: Any]) throws {
    try output.write(
      contentsOf: JSONSerialization.data(withJSONObject: values, options: .sortedKeys)
        + Data("\n".utf8))
  }
}
