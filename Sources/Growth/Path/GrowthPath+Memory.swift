// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Training
import Wording

extension GrowthPath {
  /// The state that comes of these growths, one after the other.
  ///
  /// - Throws: ``GrowthError``; ``TrainingError`` for a state that is not sound.
  public func grown(_ state: TrainingState) throws -> TrainingState {
    try state.validate()
    try options.validate()
    try GrowthError.check(
      source == state.status.model, .mismatch, subject: operation,
      "is a growth of another model than this")
    let path = try settled(for: state.status)
    let slotCount = state.parameters.map(\.slots.count).max() ?? 0
    try checkMemory(partCount: 1 + slotCount)
    return TrainingState(
      status: path.grown(state.status), parameters: try path.grown(state.parameters))
  }

  /// The values that come of these growths, for a model without a training state.
  ///
  /// - Parameters:
  ///   - values: float32, in the order of the small model's program.
  ///   - type: the type of the files that the values are for: of 16 bits, noise is chosen so that it
  ///     cancels there as well.
  public func grown(values: [HostTensor], for type: DType = .float32) throws -> [HostTensor] {
    try check(values)
    try checkMemory(partCount: 1)
    return try grown(values.map { ParameterState(value: $0) }, for: type).map(\.value)
  }

  /// The same in float64, to prove guarantees closer than float32 rounds.
  package func grown(values: [[Double]], for type: DType = .float32) throws -> [[Double]] {
    try grown(.value, values, for: type)
  }

  /// One of the optimizer's slots in float64, as the options have it: zeros where moments begin anew.
  package func grown(_ slot: StateSlot, of values: [[Double]]) throws -> [[Double]] {
    try grown(.slot(slot), values)
  }

  /// Where each entry's gradient should be, given the small model's gradients; zeros where entries
  /// have no source.
  package func mapped(gradients: [[Double]]) throws -> [[Double]] {
    var path = self
    path.options.moments = .mapped
    return try path.grown(.firstMoment, gradients)
  }

  /// Checks that the small model and what grows of it fit into memory.
  ///
  /// - Parameter partCount: tensors of each parameter: 1, and one more for each slot.
  /// - Throws: `TensorsError` of code `insufficientMemory`.
  private func checkMemory(partCount: Int) throws {
    let counts = [sourceParameters, targetParameters].map { parameters in
      parameters.reduce(0) { $0 + $1.shape.elementCount }
    }
    // Float32.
    try MachineMemory.current.check(
      MachineMemory.bytes([4, partCount, counts[0]], [4, partCount, counts[1]]),
      for: "two models of \(counts[0]) and \(counts[1]) parameters"
        + (partCount > 1 ? " with their moments" : ""),
      remedy:
        "grow from file to file (ModelGrowth, espalier grow), which takes little, or grow less",
      subject: operation)
  }

  private func check(_ values: [HostTensor]) throws {
    try GrowthError.check(
      sourceParameters.count == values.count, .mismatch, subject: operation,
      "grows \(counted(sourceParameters.count, "parameter")), \(values.count) were given")
    for (spec, value) in zip(sourceParameters, values) {
      try GrowthError.check(
        value.shape == spec.shape && value.dtype == .float32, .mismatch, subject: spec.name,
        "is \(value.dtype) \(value.shape), expected float32 \(spec.shape)")
    }
  }

  /// Grows all parts in float32.
  private func grown(
    _ parameters: [ParameterState], for type: DType = .float32
  ) throws -> [ParameterState] {
    let clocks = clocks(
      of: zip(sourceParameters, parameters).map { ParameterClock(name: $0.name, $1) })
    let source = MemorySource(names: sourceParameters.map(\.name)) { parameters[$0][$1] }
    var tensors: [String: GrownTensor] = [:]
    var names: [String] = []
    for (index, spec) in targetParameters.enumerated() {
      for part in StatePart.all {
        let chain = chain(of: index, part) { parameters[$0][$1] != nil }
        guard let chain else { continue }
        names.append(part.prefix + spec.name)
        tensors[part.prefix + spec.name] = GrownTensor(
          chain, as: .float32, noiseFor: type, isExact: false)
      }
    }
    let made = try MemorySink(names: names).take(
      GrowthExecutor(self, from: source, to: tensors))
    let byName = Dictionary(zip(names, made)) { first, _ in first }
    return try clocks.map { clock in
      guard let value = byName[StatePart.value.prefix + clock.name] else {
        throw GrowthError(.mismatch, "has no source", subject: clock.name)
      }
      var state = ParameterState(value: value, clock: clock)
      for slot in StateSlot.all {
        state.slots[slot] = byName[StatePart.slot(slot).prefix + clock.name]
      }
      return state
    }
  }

  /// Grows one part in float64, whatever its numbers are; zeros where entries have no source.
  private func grown(
    _ part: StatePart, _ values: [[Double]], for type: DType = .float32
  ) throws -> [[Double]] {
    let small = try zip(sourceParameters, values).map { spec, values in
      try GrowthError.check(
        spec.shape.elementCount == values.count, .mismatch, subject: spec.name,
        "has \(values.count) elements, expected \(spec.shape)")
      return HostTensor(shape: spec.shape, dtype: .float64) { bytes in
        values.withUnsafeBytes { bytes.copyMemory(from: $0) }
      }
    }
    let source = MemorySource(names: sourceParameters.map(\.name)) { index, _ in
      small.indices.contains(index) ? small[index] : nil
    }
    var tensors: [String: GrownTensor] = [:]
    for (index, spec) in targetParameters.enumerated() {
      tensors[spec.name] = chain(of: index, part) { _, _ in true }.map {
        GrownTensor($0, as: .float64, noiseFor: type, isExact: true)
      }
    }
    let executor = GrowthExecutor(self, from: source, to: tensors, unsound: .passedOn)
    // One after the other, so that few are held twice.
    return try targetParameters.map { spec in
      guard tensors[spec.name] != nil else {
        return [Double](repeating: 0, count: spec.shape.elementCount)
      }
      return try MemorySink(names: [spec.name]).take(executor).first?.withUnsafeBytes {
        Array($0.bindMemory(to: Double.self))
      } ?? []
    }
  }
}
