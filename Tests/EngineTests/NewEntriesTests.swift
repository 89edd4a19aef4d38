// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Interpretation
import SeededRandom
import Tensors
import Testing
import Text
import Training

/// Parameters of which some entries are new, as engines train them.
@Suite("Training new entries") struct NewEntriesTests {
  static let optimizers: [OptimizerConfiguration] = [
    .adamW(AdamWConfiguration(epsilon: 1e-4, weightDecay: 0.1, clip: nil)),
    .muon(
      MuonConfiguration(adamW: AdamWConfiguration(epsilon: 1e-4, weightDecay: 0.1, clip: nil))),
    .muon(
      MuonConfiguration(
        adamW: AdamWConfiguration(epsilon: 1e-4, clip: nil), momentum: 0.8, nesterov: false)),
  ]

  /// Two growths' new entries, anywhere.
  static func marks(_ shape: Shape, using random: inout SplitMix64) -> [NewEntries] {
    (0..<2).map { growth in
      let entries = EntryRanges(
        shape.extents.map { size in
          (0..<Int.random(in: 0...2, using: &random)).map { _ in
            let first = Int.random(in: 0..<size, using: &random)
            return first..<Int.random(in: first...size, using: &random)
          }
        })
      let rate = NewEntries.Rate(factor: .random(in: 0...2, using: &random), steps: 250)
      var mark = NewEntries(
        entries, rate: Bool.random(using: &random) ? rate : nil,
        hasOwnCount: Bool.random(using: &random))
      mark.updates = growth == 0 ? 7 : 2
      return mark
    }
  }

  private static func clocks(_ program: Program, seed: UInt64) -> [ParameterClock] {
    var random = SplitMix64(seed: seed)
    return program.parameters.map {
      ParameterClock(
        name: $0.name, stepCount: 20, learningRateMultiplier: 1, epsilonMultiplier: 1,
        newEntries: marks($0.shape, using: &random))
    }
  }

  /// The clock that an entry would have, were it a parameter of its own.
  private func clock(of element: Int, _ shape: Shape, _ whole: ParameterClock) -> ParameterClock {
    let indices = shape.rank == 1 ? [element] : [element / shape[1], element % shape[1]]
    var clock = whole
    clock.newEntries = []
    for mark in whole.newEntries {
      let isIn = zip(mark.entries.axes, indices).contains { ranges, index in
        ranges.contains { $0.contains(index) }
      }
      guard isIn else { continue }
      if let rate = mark.rate { clock.learningRateMultiplier = rate.factor(after: mark.updates) }
      if mark.hasOwnCount { clock.stepCount = mark.updates }
    }
    return clock
  }

  private func floats(_ count: Int, using random: inout SplitMix64) -> [Double] {
    (0..<count).map { _ in .random(in: -1...1, using: &random) }
  }

  /// The interpreter trains every entry bit for bit as if each were updated by itself.
  @Test("float64 is its naive twin, entry by entry", arguments: optimizers)
  func twin(_ optimizer: OptimizerConfiguration) throws {
    let model = OracleTests.llama(layers: 1, hidden: 24)
    let program = try model.program()
    for seed in 1...6 as ClosedRange<UInt64> {
      var random = SplitMix64(seed: seed)
      let values = program.parameters.map { floats($0.shape.elementCount, using: &random) }
      let gradients = program.parameters.map { floats($0.shape.elementCount, using: &random) }
      let slots = program.parameters.map { spec in
        Dictionary(
          uniqueKeysWithValues: optimizer.slots(of: spec).map { slot in
            let numbers = floats(spec.shape.elementCount, using: &random)
            return (slot, slot.power == 2 ? numbers.map { $0 * $0 } : numbers)
          })
      }
      let clocks = Self.clocks(program, seed: seed)
      var training = try Float64Training(
        ReferenceModel(program: program, parameters: values), slots: slots)
      training.add(gradients)
      try training.update(
        optimizer.updates(learningRate: 0.01, parameters: program.parameters, clocks: clocks))
      for (index, spec) in program.parameters.enumerated() {
        let (value, kept) = try naive(
          spec, clocks[index], optimizer, values[index], slots[index], gradients[index])
        #expect(training.model.parameters[index] == value, "\(spec.name)")
        #expect(training.slots[index] == kept, "\(spec.name)")
      }
    }
  }

  private func naive(
    _ spec: ParameterSpec, _ whole: ParameterClock, _ optimizer: OptimizerConfiguration,
    _ values: [Double], _ slots: [StateSlot: [Double]], _ gradient: [Double]
  ) throws -> (values: [Double], slots: [StateSlot: [Double]]) {
    let updates = values.indices.map { element in
      optimizer.updates(
        learningRate: 0.01, parameters: [spec], clocks: [clock(of: element, spec.shape, whole)])[0]
    }
    if let momentum = slots[.momentum] {
      return try naiveMuon(spec, whole, updates, values, momentum, gradient)
    }
    var (result, first, second) = (values, slots[.firstMoment] ?? [], slots[.secondMoment] ?? [])
    for (element, update) in updates.enumerated() {
      guard case .adamW(let u) = update else { continue }
      let g = gradient[element]
      first[element] = u.beta1 * first[element] + (1 - u.beta1) * g
      second[element] = u.beta2 * second[element] + (1 - u.beta2) * g * g
      result[element] =
        values[element] * (1 - u.decayFactor)
        - u.stepSize * first[element]
        / (second[element].squareRoot() * u.inverseRootCorrection + u.epsilon)
    }
    return (result, [.firstMoment: first, .secondMoment: second])
  }

  private func naiveMuon(
    _ spec: ParameterSpec, _ whole: ParameterClock, _ updates: [ParameterUpdate],
    _ values: [Double], _ momentum: [Double], _ gradient: [Double]
  ) throws -> (values: [Double], slots: [StateSlot: [Double]]) {
    let all = updates.compactMap { if case .muon(let update) = $0 { update } else { nil } }
    var (kept, direction) = (momentum, momentum)
    for (element, u) in all.enumerated() {
      let (g, count) = (gradient[element], clock(of: element, spec.shape, whole).stepCount)
      kept[element] = u.momentum * momentum[element] + (1 - u.momentum) * g
      let mean = u.nesterov ? u.momentum * kept[element] + (1 - u.momentum) * g : kept[element]
      direction[element] =
        mean * (weight(u, whole.stepCount) / weight(u, count))
    }
    let orthogonal = try orthogonalised(direction, spec, all[0].iterations)
    let result = all.enumerated().map { element, u in
      values[element] * (1 - u.decayFactor) - u.stepSize * orthogonal[element]
    }
    return (result, [.momentum: kept])
  }

  /// What the gradients of so many updates, and the next, weigh together.
  private func weight(_ update: MuonUpdate, _ stepCount: Int) -> Double {
    let exponent = stepCount + (update.nesterov ? 2 : 1)
    var (result, factor, rest) = (1.0, update.momentum, exponent)
    while rest > 0 {
      if rest % 2 == 1 { result *= factor }
      factor *= factor
      rest /= 2
    }
    return 1 - result
  }

  /// The step of a plain update of zeros that remembers nothing.
  private func orthogonalised(
    _ direction: [Double], _ spec: ParameterSpec, _ iterations: Int
  ) throws -> [Double] {
    let program = try OracleTests.llama(layers: 1, hidden: 24).program()
    let zeros = program.parameters.map { [Double](repeating: 0, count: $0.shape.elementCount) }
    var training = try Float64Training(
      ReferenceModel(program: program, parameters: zeros), slots: zeros.map { _ in [:] })
    let index = try #require(program.parameters.firstIndex(of: spec))
    var gradients = zeros
    gradients[index] = direction
    training.add(gradients)
    try training.update(
      program.parameters.map {
        .muon(
          MuonUpdate(
            momentum: 0, nesterov: false, iterations: iterations, rows: $0.shape[0],
            columns: $0.shape.rank == 2 ? $0.shape[1] : 1, decayFactor: 0, stepSize: 1))
      })
    return training.model.parameters[index].map { -$0 }
  }

  private func batch(_ program: Program, seed: UInt64) -> TokenBatch {
    var random = SplitMix64(seed: seed)
    let vocabulary = Int32(program.vocabularySize)
    func tokens() -> [Int32] {
      (0..<57).map { _ in .random(in: 0..<vocabulary, using: &random) }
    }
    return TokenBatch(
      sequenceCount: 3, sequenceLength: 19, inputs: tokens(), targets: tokens())
  }

  /// The losses of some steps and the parameters after them.
  private func train(
    _ program: Program, on engine: any TrainingEngine, _ optimizer: OptimizerConfiguration,
    _ clocks: [ParameterClock], _ precision: Precision, steps: Int = 4
  ) throws -> (losses: [Double], states: [ParameterState]) {
    var clocks = clocks
    let session = try engine.makeSession(
      for: program, parameters: randomStates(program, seed: 3), precision: precision)
    let losses = try (0..<steps).map { step in
      let batch = batch(program, seed: UInt64(step))
      let loss = try session.accumulateGradients(
        of: batch, normalizer: batch.targetCount,
        dropoutKey: DropoutKey(seed: 0, step: 0, microBatch: 0))
      let updates = optimizer.updates(
        learningRate: 0.01, parameters: program.parameters, clocks: clocks)
      _ = try session.update(updates, clip: nil)
      optimizer.advance(&clocks, of: program.parameters)
      return loss.mean
    }
    return (losses, try session.parameters())
  }

  @Test("engines train them as the interpreter does", arguments: optimizers, TestedEngine.threaded)
  func againstTheInterpreter(_ optimizer: OptimizerConfiguration, _ engine: TestedEngine) throws {
    let program = try OracleTests.llama(layers: 2, hidden: 24).program()
    let clocks = Self.clocks(program, seed: 5)
    let exact = try train(program, on: Float64Engine(), optimizer, clocks, .fp32)
    for precision in Precision.allCases {
      let found = try train(
        program, on: engine.make(), optimizer, clocks, precision)
      for (loss, expected) in zip(found.losses, exact.losses) {
        #expect(abs(loss - expected) <= Tolerances.of(precision).loss * expected)
      }
      guard precision == .fp32 else { continue }
      for (spec, (one, other)) in zip(program.parameters, zip(found.states, exact.states)) {
        let error = relativeError(one.value.floats, other.value.floats.map(Double.init))
        #expect(error < 1e-5, "\(spec.name)")
      }
    }
  }

  /// The blocks into which the engine cuts large tensors end within rows.
  @Test("tensors of several blocks", arguments: TestedEngine.all)
  func large(_ engine: TestedEngine) throws {
    var model = OracleTests.llama(layers: 1, hidden: 80)
    model.vocabularySize = 3001
    let program = try model.program()
    let (optimizer, clocks) = (Self.optimizers[0], Self.clocks(program, seed: 9))
    let exact = try train(program, on: Float64Engine(), optimizer, clocks, .fp32, steps: 1)
    let found = try train(
      program, on: engine.make(), optimizer, clocks, .fp32, steps: 1)
    let plain = try train(
      program, on: engine.make(), optimizer,
      clocks.map {
        ParameterClock(
          name: $0.name, stepCount: 20, learningRateMultiplier: 1, epsilonMultiplier: 1)
      }, .fp32, steps: 1)
    var differ = 0
    for (index, (one, other)) in zip(found.states, exact.states).enumerated() {
      #expect(relativeError(one.value.floats, other.value.floats.map(Double.init)) < 1e-5)
      // Entries that are not new are those of a parameter without any, to the bit.
      let shape = one.value.shape
      for (element, pair) in zip(one.value.floats, plain.states[index].value.floats).enumerated() {
        if clock(of: element, shape, clocks[index]).learningRateMultiplier == 1,
          clock(of: element, shape, clocks[index]).stepCount == 20
        {
          #expect(pair.0 == pair.1)
        } else {
          differ += 1
        }
      }
    }
    #expect(differ > 1000)
  }

  @Test(
    "a factor of 1 and the parameter's own count change no bit", arguments: optimizers,
    TestedEngine.all)
  func neutral(_ optimizer: OptimizerConfiguration, _ engine: TestedEngine) throws {
    let program = try OracleTests.gpt2(layers: 2).program()
    let marked = Self.clocks(program, seed: 7).map { clock in
      var clock = clock
      for index in clock.newEntries.indices {
        clock.newEntries[index].rate = .init(factor: 1, steps: 250)
        clock.newEntries[index].hasOwnCount = false
      }
      return clock
    }
    let plain = marked.map {
      ParameterClock(
        name: $0.name, stepCount: 20, learningRateMultiplier: 1, epsilonMultiplier: 1)
    }
    for precision in Precision.allCases {
      let one = try train(program, on: engine.make(), optimizer, marked, precision)
      let other = try train(program, on: engine.make(), optimizer, plain, precision)
      #expect(one.losses == other.losses)
      for (one, other) in zip(one.states, other.states) {
        #expect(one.value.floats == other.value.floats)
        #expect(one.slots.mapValues(\.floats) == other.slots.mapValues(\.floats))
      }
    }
  }

  @Test("a session gives back what it was given of them")
  func givenBack() throws {
    let program = try OracleTests.gpt2(layers: 1).program()
    let clocks = Self.clocks(program, seed: 3)
    for engine in try TestedEngine.all.map({ try $0.make() }) + [Float64Engine()] {
      var states = randomStates(program, seed: 1)
      for index in states.indices { states[index].newEntries = clocks[index].newEntries }
      let session = try engine.makeSession(for: program, parameters: states, precision: .fp32)
      #expect(try session.parameters().map(\.newEntries) == clocks.map(\.newEntries))
    }
  }
}
