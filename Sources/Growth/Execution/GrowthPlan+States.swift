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
  func grown(
    _ parameters: [ParameterState], options: GrowthOptions, seed: UInt64,
    for type: DType = .float32
  ) throws -> [ParameterState] {
    let tensors = try tensors()
    var jobs = GrowthJobs<Float>()
    let grown = tensors.map { growth in
      let source = growth.source.map { parameters[$0] }
      let keepsMoments = growth.keepsMoments(options.moments)
      func tensor(_ part: GrowthPart, _ small: HostTensor?) -> HostTensor {
        // A tensor owns its bytes until one of its holders writes: sharing it copies nothing.
        if let small, small.shape == growth.target.shape,
          growth.leavesUnchanged(part, options.moments)
        {
          return small
        }
        return HostTensor(shape: growth.target.shape) { bytes in
          let rows = small.map { TensorRows(floats: $0) }
          jobs.add(
            TensorGrower(
              growth, part: part, source: rows, moments: options.moments, seed: seed, type: type),
            sourceLength: rows?.length ?? 0, into: bytes.bindMemory(to: Float.self))
        }
      }
      return ParameterState(
        value: tensor(.value, source?.value),
        firstMoment: keepsMoments ? source?.firstMoment.map { tensor(.firstMoment, $0) } : nil,
        secondMoment: keepsMoments ? source?.secondMoment.map { tensor(.secondMoment, $0) } : nil,
        clock: growth.clock(
          of: source.map { ParameterClock(name: "", $0) }, moments: options.moments))
    }
    withExtendedLifetime((parameters, grown)) { jobs.run() }
    return grown
  }

  /// Grows one part of all parameters in float64.
  fileprivate func grown(
    _ sources: [[Double]], _ part: GrowthPart, seed: UInt64, for type: DType = .float32
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

extension ParameterState {
  fileprivate init(
    value: HostTensor, firstMoment: HostTensor?, secondMoment: HostTensor?, clock: ParameterClock
  ) {
    self.init(
      value: value, firstMoment: firstMoment, secondMoment: secondMoment,
      stepCount: clock.stepCount, learningRateMultiplier: clock.learningRateMultiplier,
      epsilonMultiplier: clock.epsilonMultiplier)
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
  func leavesUnchanged(_ part: GrowthPart, _ moments: MomentPolicy) -> Bool {
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
