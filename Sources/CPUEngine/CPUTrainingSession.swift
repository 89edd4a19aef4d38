// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra
import Tensors
import Text
import Training

/// A model in training on the CPU.
public final class CPUTrainingSession: TrainingSession {
  private let model: CPUModel
  private let given: [ParameterState]
  /// The slots that each parameter has.
  private var slots: [[StateSlot]]
  private lazy var muon = MuonKernel(
    team: model.team, library: model.library, usesBFloat16: model.precision == .bf16)
  /// Whether gradients of this step are there already.
  private var hasGradients = false
  /// Runs of elements that one call of a kernel covers, none across two parameters.
  private let blocks: [Block]

  private struct Block {
    var parameter: Int
    var range: Range<Int>
  }
  private static let blockSize = 1 << 16

  /// Measures every operation; nil for no profile.
  public var profiler: Profiler? {
    get { model.profiler }
    set { model.profiler = newValue }
  }

  /// Bytes of parameters, gradients, moments and activations that are taken so far.
  package var byteCount: Int { model.store.byteCount + model.arena.byteCount }

  init(_ model: CPUModel, parameters: [ParameterState]) throws {
    self.model = model
    let store = model.store
    for (index, parameter) in parameters.enumerated() {
      for (slot, tensor) in parameter.slots {
        try store.load(tensor, into: store.slot(slot), parameter: index)
      }
    }
    slots = parameters.map(\.keptSlots)
    // Only what the engine does not hold itself.
    given = parameters.map {
      ParameterState(value: HostTensor(zeros: [0]), clock: ParameterClock(name: "", $0))
    }
    blocks = store.counts.indices.flatMap { parameter in
      stride(from: 0, to: store.counts[parameter], by: Self.blockSize).map { start in
        let first = store.offsets[parameter] + start
        let count = min(Self.blockSize, store.counts[parameter] - start)
        return Block(parameter: parameter, range: first..<first + count)
      }
    }
  }

  /// Runs forward and backward and adds the gradients to those already there.
  ///
  /// - Throws: ``CPUEngineError`` for a batch that does not fit the model.
  public func accumulateGradients(
    of batch: TokenBatch, normalizer: Int, dropoutKey: DropoutKey
  ) throws -> LossSum {
    guard normalizer > 0 else {
      throw CPUEngineError(
        .invalidBatch, "normalizer \(normalizer); at least one target must count", subject: "batch")
    }
    let loss = try model.run(.training, batch) { execution in
      execution.lossWeight = Float(1 / Double(normalizer))
      execution.accumulates = hasGradients
      execution.dropoutKey = dropoutKey
    } finish: { compiled, execution in
      var total = 0.0
      for loss in compiled.rowResults(execution) { total += Double(loss) }
      return LossSum(total: total, targetCount: batch.targetCount)
    }
    hasGradients = true
    return loss
  }

  /// The loss of a batch, without dropout or gradients.
  public func loss(of batch: TokenBatch) throws -> LossSum { try model.loss(of: batch) }

  /// The squared Euclidean norm of all gradients accumulated so far.
  ///
  /// It is taken block by block and summed in order: the same for any number of threads.
  public func gradientSquaredNorm() throws -> Double {
    guard hasGradients, let gradients = model.store.gradients else { return 0 }
    model.team.adopt()
    let partials = UnsafeMutablePointer<Double>.allocate(capacity: blocks.count)
    defer { partials.deallocate() }
    let bytes = 4 * Double(model.store.counts.reduce(0, +))
    profiler.measure("gradient norm", Profiler.Work(bytes: bytes)) {
      model.team.split(blocks.count) { range, _ in
        for index in range {
          let block = blocks[index].range
          partials[index] = ck_squared_norm(gradients + block.lowerBound, block.count)
        }
      }
    }
    var sum = 0.0
    for index in blocks.indices { sum += partials[index] }
    return sum
  }

  /// Clips by the global norm, updates every parameter, and forgets the gradients.
  ///
  /// - Returns: the global norm before the clip. Where it is not finite, nothing was updated.
  public func update(_ updates: [ParameterUpdate], clip: Double?) throws -> Double {
    let store = model.store
    guard updates.count == store.specs.count else {
      throw CPUEngineError(
        .invalidParameters, "\(updates.count) updates for \(store.specs.count) parameters",
        subject: "update")
    }
    guard hasGradients else {
      throw CPUEngineError(
        .invalidParameters, "there are no gradients; accumulate some first", subject: "update")
    }
    let norm = try gradientSquaredNorm().squareRoot()
    hasGradients = false
    guard norm.isFinite else { return norm }
    // PyTorch's clip_grad_norm_ has the same 1e-6.
    let scale = clip.map { min(1, $0 / (norm + 1e-6)) } ?? 1
    slots = updates.map(\.slots)
    // Values and two moments are read and written, gradients read.
    try profiler.measure("AdamW", work(bytesPerElement: 7 * 4)) {
      try applyAdamW(updates, gradientScale: scale)
    }
    if updates.contains(where: { if case .muon = $0 { true } else { false } }) {
      try profiler.measure("Muon", Profiler.Work()) {
        try applyMuon(updates, gradientScale: scale)
      }
    }
    return norm
  }

  /// Forgets the gradients.
  public func discardGradients() { hasGradients = false }

  private func applyAdamW(_ updates: [ParameterUpdate], gradientScale: Double) throws {
    let store = model.store
    guard let gradients = store.gradients, slots.contains([.firstMoment, .secondMoment]) else {
      return
    }
    let (first, second) = (try store.slot(.firstMoment), try store.slot(.secondMoment))
    model.team.split(blocks.count) { range, _ in
      for block in blocks[range] {
        guard case .adamW(let update) = updates[block.parameter] else { continue }
        let start = store.offsets[block.parameter]
        let elements = block.range.lowerBound - start..<block.range.upperBound - start
        update.forEachRun(in: elements) { run, update in
          var kernel = update.kernel(gradientScale: gradientScale)
          let at = start + run.lowerBound
          ck_adamw_update(
            &kernel, store.values + at, gradients + at, first + at, second + at,
            store.copies.map { $0 + at }, run.count)
        }
      }
    }
  }

  private func applyMuon(_ updates: [ParameterUpdate], gradientScale: Double) throws {
    let store = model.store
    for (index, update) in updates.enumerated() {
      guard case .muon(let update) = update, store.gradients != nil else { continue }
      let at = store.offsets[index]
      try muon.apply(
        update, gradientScale: Float(gradientScale), value: store.values + at,
        gradient: store.gradient(index), momentum: store.slot(.momentum) + at,
        copy: store.copies.map { $0 + at })
    }
  }

  /// What an update has to do: each of so many bytes an element is read or written.
  private func work(bytesPerElement: Int) -> Profiler.Work {
    let store = model.store
    let copies = store.copies == nil ? 0 : 2
    return Profiler.Work(
      bytes: Double(store.counts.reduce(0, +)) * Double(bytesPerElement + copies))
  }

  /// Copies of all gradients accumulated so far, in the program's order.
  public func gradients() throws -> [HostTensor] {
    guard hasGradients, let gradients = model.store.gradients else {
      return model.store.specs.map { HostTensor(zeros: $0.shape) }
    }
    return model.store.specs.indices.map { model.store.tensor(gradients, parameter: $0) }
  }

  /// Copies of parameters and moments, in the program's order.
  public func parameters() throws -> [ParameterState] {
    let store = model.store
    return try given.enumerated().map { index, given in
      var state = given
      state.value = store.tensor(store.values, parameter: index)
      for slot in slots[index] {
        state.slots[slot] = try store.tensor(store.slot(slot), parameter: index)
      }
      return state
    }
  }
}

extension AdamWUpdate {
  /// The kernel's numbers, each rounded once to float32.
  fileprivate func kernel(gradientScale: Double) -> ck_adamw {
    ck_adamw(
      beta1: Float(beta1), one_minus_beta1: Float(1 - beta1), beta2: Float(beta2),
      one_minus_beta2: Float(1 - beta2), epsilon: Float(epsilon),
      one_minus_decay: Float(1 - decayFactor), step_size: Float(stepSize),
      inverse_root_correction: Float(inverseRootCorrection), gradient_scale: Float(gradientScale))
  }
}
