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
      #expect(mine.newEntries == expected.newEntries)
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
      ("\"formatVersion\" : 1", "\"formatVersion\" : 3", TrainingError.Code.unsupportedFormat),
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

  @Test("new entries come back, in a format that programs which do not know them refuse")
  func newEntries() throws {
    try withTemporaryFolder { folder in
      let state = try awkwardState().withNewEntries()
      let target = folder.appending(path: "s")
      try state.write(to: target, tokenizer: nil)
      expectEqual(try TrainingState(reading: target), state)
      #expect(
        try StoredTrainingState(reading: target).clocks.map(\.newEntries)
          == state.parameters.map(\.newEntries))
      let json = try String(
        contentsOf: target.appending(path: "training_state.json"), encoding: .utf8)
      #expect(json.contains("\"formatVersion\" : 2"))
    }
  }

  @Test(
    "new entries that cannot be are refused, and file and field named",
    arguments: [
      ("\"updates\" : 12", "\"updates\" : -1", "newEntries[0].updates"),
      ("\"updates\" : 12", "\"updates\" : 100000", "newEntries[0].updates"),
      ("\"updates\" : 12", "\"updates\" : 1e999", ""),
      ("\"factor\" : 1.3", "\"factor\" : -1", "newEntries[0].rate.factor"),
      ("\"factor\" : 1.3", "\"factor\" : 1e6", "newEntries[0].rate.factor"),
      ("\"factor\" : 1.3", "\"factor\" : 1e999", ""),
      ("\"factor\" : 1.3", "\"factor\" : NaN", ""),
      ("\"steps\" : 250", "\"steps\" : 0", "newEntries[0].rate.steps"),
      ("\"steps\" : 250", "\"steps\" : \(Int.max)", "newEntries[0].rate.steps"),
      ("[1, 2]", "[1, 1000]", "newEntries[0].entries"),
      ("[1, 2]", "[-1, 2]", "newEntries[0].entries"),
      ("[1, 2]", "[\(Int.min), \(Int.max)]", "newEntries[0].entries"),
      ("[1, 2]", "[1, 1]", "newEntries[0].entries"),
      ("[1, 2]", "[2, 1]", ""),
      ("[1, 2]", "[1, 2], [2, 3]", "newEntries[0].entries"),
      ("[1, 2]", "[3, 4], [1, 2]", "newEntries[0].entries"),
      ("[[[1, 2]], [[0, 3]]]", "[[[1, 2]]]", "newEntries[0].entries"),
      ("[[[1, 2]], [[0, 3]]]", "[[[1, 2]], [[0, 3]], []]", "newEntries[0].entries"),
    ])
  func hostileNewEntries(_ text: String, _ replacement: String, _ field: String) throws {
    try withTemporaryFolder { folder in
      let target = folder.appending(path: "s")
      try awkwardState().withNewEntries().write(to: target, tokenizer: nil)
      let file = target.appending(path: "training_state.json")
      // The ranges as a person writes them.
      let json = try String(contentsOf: file, encoding: .utf8).replacing(
        /"entries" : \[\n(.*?\n) *\](?=,\n *"hasOwn)/.dotMatchesNewlines()
      ) { "\"entries\" : [" + $0.1.replacing(/\s+/, with: "").replacing(",", with: ", ") + "]" }
      let range = try #require(json.range(of: text))
      try Data(json.replacingCharacters(in: range, with: replacement).utf8).write(to: file)
      try Manifest(of: target).write(to: target)
      for read in [
        { _ = try TrainingState(reading: target) },
        { _ = try StoredTrainingState(reading: target) },
      ] as [() throws -> Void] {
        let error = #expect(throws: TrainingError.self, performing: read)
        #expect(error?.subject.hasPrefix(file.path) ?? false, "\(error?.subject ?? "")")
        #expect(error?.subject.hasSuffix(field) ?? false, "\(error?.subject ?? "")")
      }
    }
  }

  @Test(
    "a run that goes on from files equals an unbroken one, also past a damaged checkpoint",
    arguments: [false, true])
  func resumesFromFiles(hasNewEntries: Bool) throws {
    try withTemporaryFolder { folder in
      var training = Quadratic.training(stop: StopConditions(after: .steps(20)))
      training.checkpoint = CheckpointConfiguration(every: .steps(6))
      var start = try Quadratic.state(training)
      if hasNewEntries {
        for index in start.parameters.indices { start.parameters[index].stepCount = 50 }
        start = start.withNewEntries()
      }
      func run(
        _ state: TrainingState, in store: CheckpointStore, _ seen: inout [StepRecord]
      ) throws {
        var steps: [StepRecord] = []
        var surroundings = Quadratic.surroundings()
        surroundings.observer.hear = { if case .step(let step) = $0 { steps.append(step) } }
        surroundings.storage = TestStorage { state in
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
      #expect(end.parameters.contains { !$0.newEntries.isEmpty } == hasNewEntries)

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

extension TrainingState {
  /// The same with two growths' new entries in every other parameter that has been updated.
  fileprivate func withNewEntries() -> TrainingState {
    var state = self
    for index in parameters.indices where parameters[index].stepCount > 12 {
      let shape = parameters[index].value.shape
      guard shape.rank == 2 else { continue }
      var first = NewEntries(
        EntryRanges([[1..<2], [0..<3]]), rate: .init(factor: 1.3, steps: 250), hasOwnCount: true)
      first.updates = 12
      let second = NewEntries(
        EntryRanges([[2..<shape[0]], []]), rate: .init(factor: 0.5, steps: 7), hasOwnCount: false)
      state.parameters[index].newEntries = [first, second]
    }
    return state
  }
}
