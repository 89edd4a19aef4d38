// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Tensors
import Testing
import Text
import Training

@Suite("Memory of training") struct MemoryTests {
  private let engine = CPUTrainingEngine(threads: 2)

  private func model(
    _ architecture: Architecture = .gpt2, layers: Int, hidden: Int, vocabulary: Int = 512,
    context: Int = 128
  ) -> ModelConfiguration {
    ModelConfiguration(
      architecture: architecture, layerCount: layers, hiddenSize: hidden, headCount: hidden / 16,
      intermediateSize: 4 * hidden, vocabularySize: vocabulary, contextLength: context,
      rotary: architecture == .llama ? RotaryEmbedding() : nil, tiesHead: true)
  }

  @Test(
    "a step takes its parameters, moments, and about one copy of every value",
    arguments: Precision.allCases)
  func estimate(_ precision: Precision) throws {
    for layers in [2, 12, 48] {
      let program = try model(layers: layers, hidden: 64).program()
      func bytes(_ sequences: Int) throws -> Int {
        try engine.trainingByteCount(
          of: program, precision: precision, sequenceCount: sequences, sequenceLength: 128)
      }
      let parameters = TrainingMemory.sessionBytes(
        parameterCount: program.parameterCount.total, precision: precision)
      let values = program.widths.reduce(0, +) * 128 * (precision == .bf16 ? 2 : 4)
      for sequences in [1, 4, 16] {
        let activations = Double(try bytes(sequences) - parameters)
        #expect(activations > 0.6 * Double(values * sequences))
        #expect(activations < 2.5 * Double(values * sequences))
      }
    }
  }

  @Test("sizes that no memory holds are refused with both numbers before anything is taken")
  func refusal() throws {
    let small = MachineMemory(total: 8_000_000_000, available: 1_000_000_000)
    let training = TrainingConfiguration(
      batch: BatchConfiguration(sequences: 4),
      schedule: LearningRateSchedule(kind: .constant, peak: 1e-3, total: nil),
      stop: StopConditions(after: .steps(1)))
    func message(_ model: ModelConfiguration, _ training: TrainingConfiguration) -> String {
      do {
        try TrainingMemory.check(model, training, on: engine, memory: small)
        return ""
      } catch { return "\(error)" }
    }
    #expect(message(model(layers: 2, hidden: 64), training).isEmpty)
    let wide = message(model(layers: 2, hidden: 4096), training)
    #expect(wide.contains("would take 11."))
    #expect(wide.contains("1.0 GB of the 8.0 GB of the machine are free; use a smaller model"))
    var many = training
    many.batch.sequences = 4096
    #expect(message(model(layers: 2, hidden: 64), many).contains("use fewer sequences in a micro"))
    many.batch = BatchConfiguration(sequences: 1, accumulate: 1 << 24)
    #expect(
      message(model(layers: 2, hidden: 64), many).contains("the tokens of a step of 1 · 16777216"))
    many.batch = BatchConfiguration(sequences: 1 << 24, accumulate: 1 << 24)
    #expect(
      message(model(layers: 2, hidden: 64, context: 1 << 28), many).contains("more than 9 EB"))
  }

  @Test(
    "what the optimizer keeps is counted: of Muon's matrices one tensor, in session and checkpoint")
  func slots() throws {
    let model = model(layers: 2, hidden: 64)
    let (adamW, muon) = (
      OptimizerConfiguration.adamW(AdamWConfiguration()),
      OptimizerConfiguration.muon(MuonConfiguration())
    )
    /// The least memory in which the training is let in.
    func least(_ optimizer: OptimizerConfiguration) -> Int {
      let training = TrainingConfiguration(
        batch: BatchConfiguration(sequences: 1), optimizer: optimizer,
        schedule: LearningRateSchedule(kind: .constant, peak: 1e-3, total: nil),
        stop: StopConditions(after: .steps(1)))
      var range = 0...1 << 30
      while range.count > 1 {
        let middle = (range.lowerBound + range.upperBound) / 2
        let memory = MachineMemory(total: 1 << 30, available: middle)
        let fits = (try? TrainingMemory.check(model, training, memory: memory)) != nil
        range = fits ? range.lowerBound...middle : middle + 1...range.upperBound
      }
      return range.lowerBound
    }
    let saved = try model.program().parameters.reduce(0) {
      $0 + $1.shape.elementCount * (adamW.slots(of: $1).count - muon.slots(of: $1).count)
    }
    #expect(saved > 0)
    #expect(least(adamW) - least(muon) == 2 * 4 * saved)
  }

  @Test("batches whose values overflow are refused, whatever the memory")
  func overflow() throws {
    let program = try model(layers: 1, hidden: 64).program()
    #expect(throws: CPUEngineError.self) {
      try engine.trainingByteCount(
        of: program, precision: .fp32, sequenceCount: .max, sequenceLength: .max)
    }
  }

  @Test(
    "a session takes just what was estimated, and scoring beside it no more",
    arguments: Precision.allCases)
  func allocation(_ precision: Precision) throws {
    for architecture in [Architecture.gpt2, .llama] {
      let model = model(architecture, layers: 3, hidden: 48, vocabulary: 101, context: 24)
      let (program, batch) = (
        try model.program(),
        TokenBatch(
          sequenceCount: 3, sequenceLength: 24, inputs: (0..<72).map { Int32($0) },
          targets: (1...72).map { Int32($0) })
      )
      let estimate = try engine.trainingByteCount(
        of: program, precision: precision, sequenceCount: 3, sequenceLength: 24)
      let parameters = program.parameters.map {
        ParameterState(value: ParameterInitializer(seed: 1).tensor(for: $0))
      }
      let session = try engine.makeCPUSession(
        for: program, parameters: parameters, precision: precision)
      _ = try session.accumulateGradients(
        of: batch, normalizer: 72, dropoutKey: DropoutKey(seed: 0, step: 0, microBatch: 0))
      #expect(session.byteCount == estimate)
      _ = try session.loss(of: batch)
      #expect(session.byteCount == estimate)
      let tensors = try session.parameters().flatMap {
        [$0.value, $0.firstMoment, $0.secondMoment].compactMap { $0 }
      }
      let state = tensors.reduce(0) { $0 + 4 * $1.shape.elementCount }
      #expect(state == TrainingMemory.stateBytes(parameterCount: program.parameterCount.total))
    }
  }

  @Test("layers by the thousand are laid out", .timeLimit(.minutes(5)))
  func layers() throws {
    let program = try model(layers: 6000, hidden: 16, vocabulary: 16, context: 8).program()
    let bytes = try engine.trainingByteCount(
      of: program, precision: .fp32, sequenceCount: 1, sequenceLength: 8)
    #expect(bytes > 6000 * 8 * 16 * 4)
  }
}
