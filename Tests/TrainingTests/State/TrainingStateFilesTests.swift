// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import RunLogs
import Tensors
import Testing
import Training

@Suite("TrainingState files") struct TrainingStateFilesTests {
  /// A state in which every field differs from its default and numbers are awkward.
  private func awkwardState() throws -> TrainingState {
    var training = Quadratic.training(
      batch: BatchConfiguration(
        sequences: 2, accumulate: 3, sequencesWarmup: .init(start: 1, tokens: 1 << 60),
        sequenceLengthWarmup: .init(start: 8, tokens: 77)),
      stop: StopConditions(after: .floatingPointOperations(1 / 3), loss: 0.1, lossKind: .training))
    training.seed = .max
    training.precision = .bf16
    training.optimizer = .adamW(
      AdamWConfiguration(
        beta1: 0.1 + 0.2, beta2: 0.999, epsilon: .leastNonzeroMagnitude, weightDecay: 1e-300,
        clip: nil,
        decayRule: .all))
    training.schedule = LearningRateSchedule(
      kind: .wsd, peak: 1 / 3, warmup: .tokens(9_007_199_254_740_993), total: .steps(.max),
      floor: 0.7, decay: .duration(.steps(5)), decayShape: .cosine)
    training.noiseScale = NoiseScaleConfiguration(every: 3, smoothing: 2 / 3)
    training.evaluation = EvaluationConfiguration(every: .seconds(0.3), batches: 2)
    training.checkpoint = CheckpointConfiguration(every: .tokens(11), keep: nil)
    var state = try Quadratic.state(training)
    let bits: [UInt32] = [
      0x8000_0000, 1, 0x7FC0_1234, 0xFF80_0000, 0x3EAA_AAAB, 0x7F7F_FFFF,
    ]
    for index in state.parameters.indices {
      let shape = state.parameters[index].value.shape
      func tensor(_ offset: Int) -> HostTensor {
        let floats = (0..<shape.elementCount).map {
          Float(bitPattern: bits[($0 + offset) % bits.count])
        }
        return HostTensor(floats, shape: shape)
      }
      state.parameters[index].value = tensor(index)
      if index % 3 != 0 { state.parameters[index].firstMoment = tensor(index + 1) }
      if index % 2 != 0 { state.parameters[index].secondMoment = tensor(index + 2) }
      state.parameters[index].stepCount = index * 1000
      state.parameters[index].learningRateMultiplier = 1 / Double(index + 3)
      state.parameters[index].epsilonMultiplier = 0.1 * Double(index + 1)
    }
    state.status.progress = TrainingProgress(
      steps: 7, tokens: 1 << 61, floatingPointOperations: 1e300 / 3, seconds: 0.1 + 0.7)
    state.status.position = SchedulePosition(
      moving: state.status.progress,
      to: TrainingProgress(steps: 1, floatingPointOperations: 0.1),
      warmupEnd: TrainingProgress(steps: 5, tokens: 3), rewarmup: .steps(4))
    var noise = GradientNoiseScale()
    noise.add(small: (1 / 3, 2), big: (0.1, 5), smoothing: 0.77)
    state.status.noiseScale = noise
    state.status.cursor.position = 5
    state.status.cursor.epoch = 3
    state.status.trainingLoss = 1 / 7
    state.status.validationLoss = 2 / 7
    state.status.slopeDetector = "{\"a\": [1, \"é\"]}"
    state.status.lineage = [
      LineageEntry(operation: "initialized", step: 0),
      LineageEntry(
        operation: "widen", source: "a/b \"c\"", sourceHash: String(repeating: "0f", count: 32),
        step: 7),
    ]
    return state
  }

  private func bits(_ tensor: HostTensor?) -> [UInt8]? {
    tensor.map { $0.withUnsafeBytes { Array($0) } }
  }

  private func expectEqual(_ one: TrainingState, _ other: TrainingState) {
    #expect(one.status == other.status)
    #expect(one.parameters.count == other.parameters.count)
    for (mine, expected) in zip(one.parameters, other.parameters) {
      #expect(bits(mine.value) == bits(expected.value))
      #expect(bits(mine.firstMoment) == bits(expected.firstMoment))
      #expect(bits(mine.secondMoment) == bits(expected.secondMoment))
      #expect(mine.stepCount == expected.stepCount)
      #expect(mine.learningRateMultiplier == expected.learningRateMultiplier)
      #expect(mine.epsilonMultiplier == expected.epsilonMultiplier)
    }
  }

  @Test("every bit comes back, and the same state makes the same files") func roundTrip() throws {
    try withTemporaryFolder { folder in
      let state = try awkwardState()
      let (one, two) = (folder.appending(path: "one"), folder.appending(path: "two"))
      let tokenizer = Data("{}".utf8)
      try state.write(to: one, tokenizer: tokenizer)
      let read = try TrainingState(reading: one)
      expectEqual(read, state)
      try read.write(to: two, tokenizer: tokenizer)
      let files = try contents(of: one)
      #expect(try contents(of: two) == files)
      #expect(
        Set(files.keys) == [
          "config.json", "generation_config.json", "manifest.json", "model.safetensors",
          "optimizer.safetensors", "tokenizer.json", "tokenizer_config.json",
          "training_state.json",
        ])
    }
  }

  @Test("the form of training_state.json stays as it was published") func stableForm() throws {
    let golden = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Goldens/training_state.json")
    try withTemporaryFolder { folder in
      try awkwardState().write(to: folder.appending(path: "s"), tokenizer: nil)
      let file = folder.appending(path: "s/training_state.json")
      if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] != nil {
        try Data(contentsOf: file).write(to: golden)
        Issue.record("recorded; run again without RECORD_GOLDENS")
      }
      let written = try String(contentsOf: file, encoding: .utf8)
      #expect(try written == String(contentsOf: golden, encoding: .utf8))
    }
  }

  @Test("a state before its first step has no moments, and comes back so") func fresh() throws {
    try withTemporaryFolder { folder in
      let state = try Quadratic.state(Quadratic.training(stop: StopConditions(after: .steps(1))))
      try state.write(to: folder.appending(path: "fresh"), tokenizer: nil)
      let read = try TrainingState(reading: folder.appending(path: "fresh"))
      expectEqual(read, state)
      #expect(read.parameters.allSatisfy { $0.firstMoment == nil && $0.secondMoment == nil })
    }
  }

  @Test("other tools find the model in it") func isModelDirectory() throws {
    try withTemporaryFolder { folder in
      let state = try awkwardState()
      try state.write(to: folder.appending(path: "s"), tokenizer: Data("{}".utf8))
      let model = try ModelDirectory(reading: folder.appending(path: "s"))
      #expect(model.configuration.model == state.status.model)
      #expect(try model.values().map(bits) == state.parameters.map { bits($0.value) })
      #expect(try model.tokenizerJSON() == Data("{}".utf8))
    }
  }

  @Test(
    "damage to any file is found and named",
    arguments: [
      "config.json", "manifest.json", "model.safetensors", "optimizer.safetensors",
      "tokenizer.json", "tokenizer_config.json", "training_state.json",
    ])
  func damage(_ name: String) throws {
    try withTemporaryFolder { folder in
      let target = folder.appending(path: "s")
      try awkwardState().write(to: target, tokenizer: Data("{}".utf8))
      let file = target.appending(path: name)
      var data = try Data(contentsOf: file)
      data[data.count / 2] ^= 1
      try data.write(to: file)
      let error = #expect(throws: CheckpointsError.self) { try TrainingState(reading: target) }
      #expect(error?.code == .damagedCheckpoint)
      if name != "manifest.json" { #expect(error?.message.contains(name) ?? false) }
    }
  }

  @Test(
    "another format, other parameters and nonsense are refused",
    arguments: [
      ("\"formatVersion\" : 1", "\"formatVersion\" : 2", TrainingError.Code.unsupportedFormat),
      ("\"formatVersion\" : 1", "\"version\" : 1", .invalidState),
      ("transformer.ln_f.bias", "transformer.ln_f.bigs", .invalidState),
      ("\"stepCount\" : 1000", "\"stepCount\" : -1", .invalidState),
      ("\"learningRateMultiplier\" : 0.25", "\"learningRateMultiplier\" : -1", .invalidState),
      ("\"epsilonMultiplier\" :", "\"epsilonMultiplier\" : -", .invalidState),
      ("\"epoch\" :", "\"epoch\" : \(Int.max), \"other\" :", .invalidState),
      (
        "\"status\" : {",
        "\"status\" : {\"stage\": {\"index\": \(Int.max), \"start\": {\"steps\": 0, "
          + "\"tokens\": 0, \"floatingPointOperations\": 0, \"seconds\": 0}},", .invalidState
      ),
      ("\"tokens\" : 2305843009213693952", "\"tokens\" : \(Int.max)", .invalidState),
      ("\"tokens\" : -2305843009213693952", "\"tokens\" : \(Int.min)", .invalidState),
      ("\"beta2\" : 0.999", "\"beta2\" : 1.999", .invalidConfiguration),
      ("{", "", .invalidState),
    ])
  func refused(_ text: String, _ replacement: String, _ code: TrainingError.Code) throws {
    try withTemporaryFolder { folder in
      let target = folder.appending(path: "s")
      try awkwardState().write(to: target, tokenizer: nil)
      let file = target.appending(path: "training_state.json")
      let json = try String(contentsOf: file, encoding: .utf8)
      let range = try #require(json.range(of: text))
      let changed = json.replacingCharacters(in: range, with: replacement)
      try Data(changed.utf8).write(to: file)
      try Manifest(of: target).write(to: target)
      let error = #expect(throws: TrainingError.self) { try TrainingState(reading: target) }
      #expect(error?.code == code)
    }
  }

  @Test("a number that is not finite cannot be saved unnoticed") func notFinite() throws {
    try withTemporaryFolder { folder in
      var state = try awkwardState()
      state.status.trainingLoss = .nan
      #expect(throws: TrainingError.self) {
        try state.write(to: folder.appending(path: "s"), tokenizer: nil)
      }
      #expect(try contents(of: folder).isEmpty)
    }
  }

  @Test("a run that goes on from files equals an unbroken one, also past a damaged checkpoint")
  func resumesFromFiles() throws {
    try withTemporaryFolder { folder in
      var training = Quadratic.training(stop: StopConditions(after: .steps(20)))
      training.checkpoint = CheckpointConfiguration(every: .steps(6))
      let start = try Quadratic.state(training)
      func run(
        _ state: TrainingState, in store: CheckpointStore, _ seen: inout [StepRecord]
      ) throws {
        var steps: [StepRecord] = []
        var surroundings = Quadratic.surroundings()
        surroundings.observe = { if case .step(let step) = $0 { steps.append(step) } }
        surroundings.save = { state in
          try store.save(state, keep: 3, tokenizer: nil)
        }
        _ = try TrainingLoop(
          state: state, engine: QuadraticEngine(),
          data: FormulaSource(cursor: state.status.cursor), surroundings: surroundings
        ).run()
        seen += steps
      }
      let store = CheckpointStore(folder.appending(path: "checkpoints"))
      var whole: [StepRecord] = []
      try run(start, in: store, &whole)
      #expect(try store.list().map(\.step) == [12, 18, 20])
      let end = try TrainingState(reading: store.url(step: 20))

      // Only the checkpoints of steps 12 and 18 are left, and that of 18 lost its end.
      try FileManager.default.removeItem(at: store.url(step: 20))
      try Data("{".utf8).write(
        to: store.url(step: 18).appending(path: TrainingStateFiles.state))
      let latest = try store.latestValid()
      #expect(latest.damaged.map(\.item.step) == [18])
      let item = try #require(latest.item)
      var rest: [StepRecord] = []
      try run(TrainingState(reading: item.url), in: store, &rest)
      #expect(rest == Array(whole[12...]))
      expectEqual(try TrainingState(reading: store.url(step: 20)), end)
    }
  }
}
