// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Growth
import Interpretation
import Tensors
import Testing
import Training

/// What a growth says of the entries that it makes, and how they train then.
@Suite("New entries of a growth") struct NewEntriesTests {
  static let rate = NewEntries.Rate(factor: 1.3, steps: 250)

  /// A state with all three slots, none of whose numbers are zero.
  static func state(_ model: ModelConfiguration) throws -> TrainingState {
    var state = try SharingTests.state(model)
    for index in state.parameters.indices {
      for (seed, slot) in StateSlot.all.enumerated() {
        let random = SharingTests.random(
          state.parameters[index].value.shape, seed: 5 * index + seed)
        state.parameters[index].slots[slot] = HostTensor(
          random.floats.map { $0.magnitude + 1e-3 }, shape: random.shape)
      }
    }
    return state
  }

  /// Whether each entry is one of some.
  static func mask(_ entries: EntryRanges, _ shape: Shape) -> [Bool] {
    let length = shape[shape.rank - 1]
    return (0..<shape.elementCount).map { element in
      let indices = shape.rank == 1 ? [element] : [element / length, element % length]
      return zip(entries.axes, indices).contains { ranges, index in
        ranges.contains { $0.contains(index) }
      }
    }
  }

  /// Which entries of a parameter have a property of its new entries.
  static func mask(_ state: ParameterState, where isMeant: (NewEntries) -> Bool) -> [Bool] {
    let shape = state.value.shape
    return state.newEntries.filter(isMeant).reduce(
      [Bool](repeating: false, count: shape.elementCount)
    ) { zip($0, mask($1.entries, shape)).map { $0 || $1 } }
  }

  @Test(
    "entries whose moments are zero have a count of their own, of every growth",
    arguments: ModelConfiguration.families)
  func counts(_ model: ModelConfiguration) throws {
    let state = try Self.state(model)
    for growth in StreamingTests.plannable(model) {
      for moments in MomentPolicy.allCases {
        let path = try growth.path(from: model, options: GrowthOptions(seed: 7, moments: moments))
        let grown = try path.grown(state)
        let text = "\(path.operation), \(moments)"
        for (spec, parameter) in zip(try path.target.program().parameters, grown.parameters) {
          #expect(parameter.newEntries.allSatisfy { $0.rate == nil && $0.hasOwnCount }, "\(text)")
          let own = Self.mask(parameter) { $0.hasOwnCount }
          if moments == .reset || moments == .diagonal || parameter.stepCount == 0 {
            #expect(parameter.newEntries.isEmpty, "\(text)")
            continue
          }
          for slot in StateSlot.all {
            let zeros = try #require(parameter.slots[slot]).floats.map { $0 == 0 }
            #expect(zeros == own, "\(text), \(slot.label) of \(spec.name)")
          }
        }
      }
    }
  }

  @Test(
    "resetting new entries leaves what the small model had as mapping does",
    arguments: ModelConfiguration.families)
  func resetNew(_ model: ModelConfiguration) throws {
    let state = try Self.state(model)
    for growth in StreamingTests.plannable(model) {
      let mapped = try growth.grown(state, options: GrowthOptions(seed: 7))
      let reset = try growth.grown(state, options: GrowthOptions(seed: 7, moments: .resetNew))
      for (one, other) in zip(mapped.parameters, reset.parameters) {
        #expect(one.value.floats == other.value.floats)
        #expect(one.stepCount == other.stepCount)
        let new = Self.mask(other) { $0.hasOwnCount }
        for (slot, tensor) in one.slots {
          let expected = zip(tensor.floats, new).map { $1 ? 0 : $0 }
          #expect(other.slots[slot]?.floats == expected)
        }
      }
    }
  }

  @Test(
    "the rate is that of entries that no entry of the small model lies in",
    arguments: ModelConfiguration.families, MomentPolicy.allCases)
  func rates(_ model: ModelConfiguration, _ moments: MomentPolicy) throws {
    let state = try Self.state(model)
    for growth in StreamingTests.plannable(model) {
      let options = GrowthOptions(seed: 7, moments: moments, newEntryRate: Self.rate)
      let path = try growth.path(from: model, options: options)
      let grown = try path.grown(state)
      var kept = 0
      for parameter in grown.parameters {
        #expect(parameter.newEntries.filter { $0.rate != nil }.count <= 1)
        let rated = Self.mask(parameter) { $0.rate == Self.rate }
        kept += rated.count { !$0 }
      }
      // What was there is there once, whatever the copies; tensors of new blocks are new as wholes.
      let old = zip(path.steps, 0...).reduce(Set(state.parameters.indices)) { old, step in
        Set(
          step.0.tensors.indices.filter { index in
            let tensor = step.0.tensors[index]
            return tensor.keepsMoments && (tensor.source.map { old.contains($0) } ?? false)
          })
      }
      let expected = zip(path.sourceParameters, state.parameters).filter { spec, _ in
        path.targetParameters.indices.contains { old.contains($0) && origin(path, $0) == spec.name }
      }
      guard !path.plans.contains(where: \.mixesUnits) else { continue }
      #expect(
        kept == expected.reduce(0) { $0 + $1.1.value.shape.elementCount }, "\(path.operation)")
    }
  }

  /// The small model's tensor that a grown one comes from.
  private func origin(_ path: GrowthPath, _ index: Int) -> String? {
    var position: Int? = index
    for step in path.steps.reversed() { position = position.flatMap { step.tensors[$0].source } }
    return position.map { path.sourceParameters[$0].name }
  }

  @Test("the second copy and new layers are new, the first copy is not")
  func examples() throws {
    let model = SharingTests.model(.llama)
    let state = try Self.state(model)
    let options = GrowthOptions(newEntryRate: Self.rate)
    let wide = try WidthGrowth(factor: 2).grown(state, options: options)
    let specs = try wide.status.model.program().parameters
    for (spec, parameter) in zip(specs, wide.parameters) {
      let halves = spec.axes.map { axis in
        axis.size == axis.segments[0].size && spec.role != .head ? axis.size / 2 : 0
      }
      let mark = try #require(parameter.newEntries.first, "\(spec.name)")
      #expect(parameter.newEntries.count == 1 && !mark.hasOwnCount && mark.rate == Self.rate)
      for (axis, ranges) in mark.entries.axes.enumerated() where spec.axes[axis].size != 611 {
        #expect(ranges == [halves[axis]..<spec.axes[axis].size], "\(spec.name)")
      }
    }
    let deep = try DepthGrowth(factor: 2, block: .copy, placement: .appended)
      .grown(state, options: options)
    for (spec, parameter) in zip(try deep.status.model.program().parameters, deep.parameters) {
      let isNew = spec.layer ?? 0 >= 2
      let all = NewEntries(EntryRanges(all: spec.shape), rate: Self.rate, hasOwnCount: false)
      #expect(parameter.newEntries == (isNew ? [all] : []), "\(spec.name)")
      #expect(parameter.stepCount == (isNew ? 0 : 9))
    }
  }

  @Test(
    "a second growth carries the first one's new entries to where they come to lie",
    arguments: [MomentPolicy.mapped, .resetNew, .reset],
    [nil, NewEntries.Rate(factor: 0.5, steps: 9)])
  func secondGrowth(_ moments: MomentPolicy, _ second: NewEntries.Rate?) throws {
    let model = ModelConfiguration.small(.gpt2, tiesHead: true)
    var state = try WidthGrowth(factor: 2).grown(
      Self.state(model), options: GrowthOptions(moments: .resetNew, newEntryRate: Self.rate))
    for index in state.parameters.indices {
      state.parameters[index].stepCount += 100
      for mark in state.parameters[index].newEntries.indices {
        state.parameters[index].newEntries[mark].updates = 100
      }
    }
    let growth = WidthGrowth(factor: 3).then(VocabularyGrowth(to: model.vocabularySize + 5))
    let path = try growth.path(
      from: state.status.model,
      options: GrowthOptions(seed: 1, moments: moments, newEntryRate: second))
    let grown = try path.grown(state)
    let carried = path.copiedEntries(
      of: state.parameters.map { Self.mask($0) { $0.hasOwnCount } })
    let copied = path.copiedEntries(
      of: state.parameters.map { $0.value.floats.map { _ in true } })
    var seen = 0
    for (index, parameter) in grown.parameters.enumerated() {
      let earlier = Self.mask(parameter) { $0.updates == 100 }
      for entry in earlier.indices where copied[index][entry] {
        #expect(earlier[entry] == carried[index][entry])
      }
      #expect(parameter.newEntries.first?.rate == Self.rate)
      #expect(parameter.newEntries.first?.hasOwnCount == (moments != .reset))
      let marks = parameter.newEntries.dropFirst()
      #expect(marks.allSatisfy { $0.updates == 0 })
      #expect(marks.contains { $0.rate != nil } == (second != nil))
      #expect(marks.contains { $0.hasOwnCount } == (moments == .resetNew) || moments == .mapped)
      seen += 1
    }
    #expect(seen == grown.parameters.count && seen > 10)
    // The embedding's new tokens have no moments, and its copies of new columns have those of 100 steps.
    if moments == .mapped {
      let embedding = grown.parameters[0]
      let zeros = try #require(embedding.firstMoment).floats.map { $0 == 0 }
      let emptied = Self.mask(embedding) { $0.hasOwnCount && $0.updates == 0 }
      #expect(zip(zeros, emptied).allSatisfy { $0 || !$1 } && emptied.contains(true))
    }
  }

  @Test("kept entries train at the base rate, new ones at 1.3 that goes to 1 within 250 steps")
  func trained() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: false)
    let small = try Self.state(model)
    for optimizer in [
      OptimizerConfiguration.adamW(AdamWConfiguration(weightDecay: 0.1)),
      .muon(MuonConfiguration(iterations: 2)),
    ] {
      let states = try [nil, Self.rate].map {
        try WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)).grown(
          small, options: GrowthOptions(newEntryRate: $0))
      }
      var (plain, rated) = (try Steps(states[0], optimizer), try Steps(states[1], optimizer))
      let new = states[1].parameters.map { Self.mask($0) { $0.rate != nil } }
      for step in 0..<10 {
        // From the same values, so that decay and moments are the same.
        rated.values = plain.values
        let before = plain.values
        try plain.take(step)
        try rated.take(step)
        let factor = 1 + 0.3 * Double(250 - step) / 250
        for index in new.indices {
          for entry in stride(from: 0, to: new[index].count, by: 17) {
            let decayed = before[index][entry] * (1 - plain.decays[index])
            let base = decayed - plain.values[index][entry]
            let step = decayed - rated.values[index][entry]
            let expected = new[index][entry] ? factor * base : base
            #expect(abs(step - expected) <= 1e-12 * abs(expected) + 1e-16)
          }
        }
      }
      for _ in 10..<250 { rated.advance() }
      #expect(rated.clocks.flatMap(\.newEntries) == [])
    }
  }

  @Test("where moments were reset, new entries step as those of a parameter at its first update")
  func firstStep() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: false)
    let small = try Self.state(model)
    let optimizer = OptimizerConfiguration.adamW(
      AdamWConfiguration(epsilon: 0, weightDecay: 0))
    let growth = WidthGrowth(factor: 2)
    var reset = try Steps(
      try growth.grown(small, options: GrowthOptions(moments: .resetNew)), optimizer)
    var mapped = try Steps(try growth.grown(small), optimizer)
    let before = reset.values
    #expect(before == mapped.values)
    try reset.take(0)
    try mapped.take(0)
    for index in before.indices {
      let new = Self.mask(reset.state.parameters[index]) { $0.hasOwnCount }
      #expect(new.contains(true))
      for entry in new.indices where new[entry] {
        // m / √v is the gradient's sign, whatever the βs, when both are corrected.
        let gradient = Steps.gradient(0, index, entry)
        let step = (before[index][entry] - reset.values[index][entry]) / Steps.learningRate
        #expect(abs(step - (gradient > 0 ? 1 : -1)) < 1e-9)
      }
      for entry in new.indices where !new[entry] {
        #expect(reset.values[index][entry] == mapped.values[index][entry])
      }
    }
  }

  @Test("a receipt says the rate, and makes the same state again")
  func receipt() throws {
    let state = try Self.state(ModelConfiguration.small(.gpt2, tiesHead: true))
    let options = GrowthOptions(seed: 3, moments: .resetNew, newEntryRate: Self.rate)
    let path = try WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)).path(
      from: state.status.model, options: options)
    let data = try GrowthReceipt(path).encoded()
    let compact = String(decoding: data, as: UTF8.self).filter { !$0.isWhitespace }
    #expect(compact.contains(#""newEntryRate":{"factor":1.3,"steps":250}"#))
    let again = try GrowthReceipt(data)
    #expect(again.options.newEntryRate == Self.rate)
    for (one, other) in zip(
      try path.grown(state).parameters, try again.path.grown(state).parameters)
    {
      #expect(one.newEntries == other.newEntries && !one.newEntries.isEmpty)
      #expect(one.value.floats == other.value.floats)
    }
    let plain = try WidthGrowth(factor: 2).path(from: state.status.model)
    let text = String(decoding: try GrowthReceipt(plain).encoded(), as: UTF8.self)
    #expect(!text.contains("newEntryRate"))
  }

  @Test(
    "rates that cannot be are refused",
    arguments: [
      NewEntries.Rate(factor: -0.1, steps: 1), .init(factor: .nan, steps: 1),
      .init(factor: 1001, steps: 1), .init(factor: 1.3, steps: 0), .init(factor: 1.3, steps: .max),
    ])
  func refused(_ rate: NewEntries.Rate) throws {
    let state = try Self.state(ModelConfiguration.small(.gpt2, tiesHead: true))
    let error = #expect(throws: TrainingError.self) {
      try WidthGrowth(factor: 2).grown(state, options: GrowthOptions(newEntryRate: rate))
    }
    #expect(error?.subject.hasPrefix("newEntryRate.") ?? false)
  }

  @Test("new entries at a rate of their own leave the small model's trajectory")
  func guarantees() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: false)
    let growth = WidthGrowth(factor: 2, symmetry: .kept, learningRates: .smallTrajectory)
    let plain = try growth.path(from: model)
    let rated = try growth.path(from: model, options: GrowthOptions(newEntryRate: Self.rate))
    #expect(plain.guarantees(hasMoments: true, under: nil).contains(.trajectory))
    #expect(
      plain.guarantees(hasMoments: true, under: nil)
        .subtracting(rated.guarantees(hasMoments: true, under: nil))
        == [.trajectory])
  }
}

extension GrowthPlan {
  /// Whether units are mixed of two, so that none of the small model's is left.
  fileprivate var mixesUnits: Bool {
    maps.values.contains { $0.runs.contains { if case .blend = $0.source { true } else { false } } }
  }
}

/// Steps in float64 of a state's parameters, by gradients that follow from nothing but numbers.
private struct Steps {
  static let learningRate = 0.01
  let state: TrainingState
  let optimizer: OptimizerConfiguration
  let program: Program
  var clocks: [ParameterClock]
  var values: [[Double]]
  private var slots: [[StateSlot: [Double]]]

  init(_ state: TrainingState, _ optimizer: OptimizerConfiguration) throws {
    self.state = state
    self.optimizer = optimizer
    program = try state.status.model.program()
    clocks = zip(program.parameters, state.parameters).map { ParameterClock(name: $0.name, $1) }
    values = state.parameters.map { $0.value.floats.map(Double.init) }
    slots = state.parameters.map { $0.slots.mapValues { $0.floats.map(Double.init) } }
  }

  static func gradient(_ step: Int, _ index: Int, _ entry: Int) -> Double {
    let mixed = UInt64(step * 31 + index * 7 + entry + 1) &* 0x9E37_79B9_7F4A_7C15
    return Double(mixed >> 40) / Double(1 << 24) - 0.5 + 1e-9
  }

  /// What each parameter is multiplied by less 1.
  var decays: [Double] {
    optimizer.updates(
      learningRate: Self.learningRate, parameters: program.parameters, clocks: clocks
    ).map { update in
      if case .muon(let update) = update { return update.decayFactor }
      if case .adamW(let update) = update { return update.decayFactor }
      return .nan
    }
  }

  mutating func take(_ step: Int) throws {
    var training = try Float64Training(
      ReferenceModel(program: program, parameters: values), slots: slots)
    training.add(
      values.enumerated().map { index, values in
        values.indices.map { Self.gradient(step, index, $0) }
      })
    try training.update(
      optimizer.updates(
        learningRate: Self.learningRate, parameters: program.parameters, clocks: clocks))
    (values, slots) = (training.model.parameters, training.slots)
    advance()
  }

  mutating func advance() { optimizer.advance(&clocks, of: program.parameters) }
}
