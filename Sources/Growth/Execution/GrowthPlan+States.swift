// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Training

extension [GrowthPlan] {
  /// The state that comes of these growths, one after the other.
  ///
  /// - Throws: ``GrowthError``; ``TrainingError`` for a state that is not sound.
  public func grown(_ state: TrainingState, options: GrowthOptions) throws -> TrainingState {
    try state.validate()
    try options.validate()
    try check(from: state.status.model)
    let options = try options.settled(for: self, of: state.status)
    let slotCount = state.parameters.map(\.slots.count).max() ?? 0
    try GrowthMemory.check(self, partCount: 1 + slotCount)
    let parameters = try enumerated().reduce(state.parameters) { parameters, step in
      try step.element.grown(
        parameters, options: options, seed: options.seed &+ UInt64(step.offset))
    }
    let status = try reduce(state.status) { try $1.grown($0, options: options) }
    return TrainingState(status: status.started(by: self, options: options), parameters: parameters)
  }

  /// The values that come of these growths, for a model without a training state.
  ///
  /// - Parameters:
  ///   - values: float32, in the order of the small model's program.
  ///   - type: the type of the files that the values are for: of 16 bits, noise is chosen so that it
  ///     cancels there as well.
  public func grown(
    values: [HostTensor], seed: UInt64, for type: DType = .float32
  ) throws -> [HostTensor] {
    try check(values: values)
    try GrowthMemory.check(self, partCount: 1)
    let options = GrowthOptions(seed: seed)
    return try enumerated().reduce(values.map { ParameterState(value: $0) }) { parameters, step in
      try step.element.grown(
        parameters, options: options, seed: seed &+ UInt64(step.offset), for: type)
    }.map(\.value)
  }

  /// The same in float64, to prove guarantees closer than float32 rounds.
  package func grown(
    values: [[Double]], seed: UInt64, for type: DType = .float32
  ) throws -> [[Double]] {
    try enumerated().reduce(values) { values, step in
      try step.element.grown(values, .value, seed: seed &+ UInt64(step.offset), for: type)
    }
  }

  /// Where each entry's gradient should be, given the small model's gradients; zeros where entries
  /// have no source.
  package func mapped(gradients: [[Double]]) throws -> [[Double]] {
    try reduce(gradients) { try $1.grown($0, .firstMoment, seed: 0) }
  }
}

extension GrowthPlan {
  /// Grows all parameters in float32.
  ///
  /// - Throws: ``GrowthError`` of code `notFinite` where a number is not, before or after.
  func grown(
    _ parameters: [ParameterState], options: GrowthOptions, seed: UInt64,
    for type: DType = .float32
  ) throws -> [ParameterState] {
    let tensors = try tensors()
    var jobs = GrowthJobs<Float>()
    let grown = tensors.enumerated().map { index, growth in
      let source = growth.source.map { parameters[$0] }
      let keepsMoments = growth.keepsMoments(options.moments)
      func tensor(_ part: StatePart) -> HostTensor {
        let small = source?[part]
        // A tensor owns its bytes until one of its holders writes: sharing it copies nothing.
        if let small, small.shape == growth.target.shape,
          growth.leavesUnchanged(part, options.moments)
        {
          small.withUnsafeBytes {
            jobs.add(checking: $0.bindMemory(to: Float.self), tensor: part.number(of: index))
          }
          return small
        }
        return HostTensor(shape: growth.target.shape) { bytes in
          let rows = small.map { TensorRows(floats: $0) }
          jobs.add(
            TensorGrower(
              growth, part: part, source: rows, moments: options.moments, seed: seed, type: type),
            sourceLength: rows?.length ?? 0, into: bytes.bindMemory(to: Float.self),
            tensor: part.number(of: index))
        }
      }
      var state = ParameterState(
        value: tensor(.value),
        clock: growth.clock(
          of: source.map { ParameterClock(name: "", $0) }, moments: options.moments))
      for slot in StateSlot.all where keepsMoments && source?.slots[slot] != nil {
        state.slots[slot] = tensor(.slot(slot))
      }
      return state
    }
    let unsound = withExtendedLifetime((parameters, grown)) { jobs.run() }
    if let unsound { throw try error(unsound, in: grown, from: parameters, tensors) }
    return grown
  }

  /// What is wrong with a part of a grown parameter, or with what it comes from.
  private func error(
    _ number: Int, in grown: [ParameterState], from parameters: [ParameterState],
    _ tensors: [TensorGrowth]
  ) throws -> GrowthError {
    let (part, index) = StatePart.numbered(number)
    if let small = tensors[index].source, let tensor = parameters[small][part],
      let numbers = UnsoundNumbers(in: TensorRows(floats: tensor))
    {
      return .unsound(
        numbers, of: tensor.shape.elementCount,
        in: part.prefix + (try source.program().parameters[small].name))
    }
    let row = grown[index][part].flatMap { UnsoundNumbers(in: TensorRows(floats: $0)) }?.firstRow
    return .overflow(row: row ?? 0, nil, as: .float32, in: part.prefix + tensors[index].target.name)
  }

  /// Grows one part of all parameters in float64.
  fileprivate func grown(
    _ sources: [[Double]], _ part: StatePart, seed: UInt64, for type: DType = .float32
  ) throws -> [[Double]] {
    let small = try source.program().parameters
    return try tensors().map { growth in
      let shape = growth.source.map { small[$0].shape }
      let length = shape.map { $0.rank == 0 ? 1 : $0[$0.rank - 1] } ?? 0
      return (growth.source.map { sources[$0] } ?? []).withUnsafeBufferPointer { elements in
        var jobs = GrowthJobs<Double>()
        let rows = growth.source == nil ? nil : TensorRows(elements, length: length)
        return [Double](unsafeUninitializedCapacity: growth.target.shape.elementCount) {
          target, count in
          jobs.add(
            TensorGrower(
              growth, part: part, source: rows, moments: .mapped, seed: seed, type: type),
            sourceLength: length, into: target)
          jobs.run()
          count = target.count
        }
      }
    }
  }
}

extension StatePart {
  /// A number for one part of a parameter of this number.
  fileprivate func number(of parameter: Int) -> Int {
    Self.all.count * parameter + (Self.all.firstIndex(of: self) ?? 0)
  }

  /// The part and the parameter of a number.
  fileprivate static func numbered(_ number: Int) -> (part: StatePart, parameter: Int) {
    let (parameter, part) = number.quotientAndRemainder(dividingBy: all.count)
    return (all[part], parameter)
  }
}

extension TensorGrowth {
  /// Whether the grown tensor has moments where its source has.
  func keepsMoments(_ moments: MomentPolicy) -> Bool { keepsMoments && moments != .reset }

  /// The grown parameter's counts and multipliers.
  ///
  /// - Parameter source: those of the parameter it comes from; nil for a new one.
  func clock(of source: ParameterClock?, moments: MomentPolicy) -> ParameterClock {
    ParameterClock(
      name: target.name, stepCount: keepsMoments(moments) ? source?.stepCount ?? 0 : 0,
      learningRateMultiplier: (source?.learningRateMultiplier ?? 1) * learningRateMultiplier,
      epsilonMultiplier: (source?.epsilonMultiplier ?? 1) * epsilonMultiplier)
  }

  /// Whether a part comes out as it was in the small model.
  func leavesUnchanged(_ part: StatePart, _ moments: MomentPolicy) -> Bool {
    let scale = part == .value ? valueScale : gradientScale
    let isIdentity = axes.allSatisfy { axis in
      axis.runs.allSatisfy {
        $0.source == .indices($0.start) && $0.copy == 0
          && (part == .value ? $0.value : $0.gradient) == 1
      }
    }
    return source != nil && isIdentity && scale == 1 && pattern == .dense
      && (part == .value ? noise == nil && sourceRounding == nil : keepsMoments(moments))
  }
}

extension TensorRows<Float> {
  /// The rows of a float32 tensor, which must be kept alive.
  init(floats tensor: HostTensor) {
    let shape = tensor.shape
    self = tensor.withUnsafeBytes {
      TensorRows($0.bindMemory(to: Float.self), length: shape.rank == 0 ? 1 : shape[shape.rank - 1])
    }
  }
}
