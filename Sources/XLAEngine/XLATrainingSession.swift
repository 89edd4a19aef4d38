// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO
import Tensors
import Text
import Training

/// A model in training on an accelerator.
final class XLATrainingSession: TrainingSession {
  private let model: DeviceModel
  private let given: [ParameterState]
  /// What is kept of each parameter.
  private var slots: [[StateSlot: DeviceBuffer]]
  /// The gradients of this step so far; nil for zeros.
  private var gradientBuffers: [DeviceBuffer]?

  init(_ model: DeviceModel, parameters: [ParameterState]) throws {
    self.model = model
    slots = []
    for (spec, state) in zip(model.program.parameters, parameters) {
      var slots: [StateSlot: DeviceBuffer] = [:]
      for slot in state.keptSlots {
        let tensor = state.slots[slot] ?? HostTensor(zeros: spec.shape)
        slots[slot] = try DeviceModel.upload(tensor, spec, model.client)
      }
      self.slots.append(slots)
    }
    // Only what the engine does not hold itself.
    given = parameters.map {
      ParameterState(value: HostTensor(zeros: [0]), clock: ParameterClock(name: "", $0))
    }
  }

  func accumulateGradients(
    of batch: TokenBatch, normalizer: Int, dropoutKey: DropoutKey
  ) throws -> LossSum {
    guard normalizer > 0 else {
      throw XLAEngineError(
        .invalidBatch, "normalizer \(normalizer); at least one target must count", subject: "batch")
    }
    try model.check(batch)
    let shape = BatchShape(
      sequenceCount: batch.sequenceCount, sequenceLength: batch.sequenceLength)
    let before = gradientBuffers ?? []
    let inputs = try arguments(batch, normalizer, dropoutKey)
    var outputs = try model.run(
      .gradients(shape, accumulates: !before.isEmpty), model.values + before + inputs)
    let losses = try outputs.removeLast().floats()
    gradientBuffers = outputs
    return LossSum(
      total: losses.reduce(0.0) { $0 + Double($1) }, targetCount: batch.targetCount)
  }

  private func arguments(
    _ batch: TokenBatch, _ normalizer: Int, _ dropoutKey: DropoutKey
  ) throws -> [DeviceBuffer] {
    let client = model.client
    let words = dropoutKey.randomWords(stream: 0)
    return [
      try model.upload(rows: batch.inputs), try model.upload(rows: batch.targets),
      try client.upload([Float(1 / Double(normalizer))], TensorType(.float32)),
      try client.upload(
        [words.key0, words.key1, words.counter3], TensorType(.uint32, [3])),
    ]
  }

  func loss(of batch: TokenBatch) throws -> LossSum { try model.loss(of: batch) }

  func gradientSquaredNorm() throws -> Double {
    guard let gradientBuffers else { return 0 }
    return try model.run(.squaredNorm, gradientBuffers)[0].elements(zero: 0.0)[0]
  }

  func update(_ updates: [ParameterUpdate], clip: Double?) throws -> Double {
    guard updates.count == model.values.count else {
      throw XLAEngineError(
        .invalidParameters, "\(updates.count) updates for \(model.values.count) parameters",
        subject: "update")
    }
    guard let gradients = gradientBuffers else {
      throw XLAEngineError(
        .invalidParameters, "there are no gradients; accumulate some first", subject: "update")
    }
    gradientBuffers = nil
    let rules = updates.map(UpdateRule.init)
    let numbers = try arguments(updates, rules, clip: clip)
    let outputs = try model.run(
      .update(rules), try state(rules) + gradients + numbers)
    return try finish(rules, outputs)
  }

  /// Forgets the gradients.
  func discardGradients() { gradientBuffers = nil }

  /// Parameters, then slots; zeros for a slot that was not kept before.
  private func state(_ rules: [UpdateRule]) throws -> [DeviceBuffer] {
    let kept = try rules.enumerated().flatMap { index, rule in
      try rule.slots.map { slot in
        if let known = slots[index][slot] { return known }
        let spec = model.program.parameters[index]
        return try DeviceModel.upload(HostTensor(zeros: spec.shape), spec, model.client)
      }
    }
    return model.values + kept
  }

  private func arguments(
    _ updates: [ParameterUpdate], _ rules: [UpdateRule], clip: Double?
  ) throws -> [DeviceBuffer] {
    let (client, numbers) = (model.client, UpdateNumbers(updates))
    var arguments = try numbers.rows.map { try client.upload($0, UpdateNumbers.type) }
    arguments.append(try client.upload([clip ?? .infinity], TensorType(.float64)))
    let lineCounts = rules.compactMap(\.lineCount)
    for (entries, lineCount) in zip(numbers.entries, lineCounts) {
      let table = TensorType(.float32, [lineCount, entries.steps.count / lineCount])
      arguments += [
        try model.upload(rows: entries.lineOfRow), try client.upload(entries.steps, table),
        try client.upload(entries.others, table),
      ]
    }
    return arguments
  }

  /// Takes over what an update made.
  ///
  /// - Returns: the global norm before the clip.
  private func finish(_ rules: [UpdateRule], _ outputs: [DeviceBuffer]) throws -> Double {
    let count = rules.count
    model.values = Array(outputs[..<count])
    var next = count
    slots = rules.map { rule in
      defer { next += rule.slots.count }
      return Dictionary(uniqueKeysWithValues: zip(rule.slots, outputs[next...]))
    }
    return try outputs[next].elements(zero: 0.0)[0].squareRoot()
  }

  func gradients() throws -> [HostTensor] {
    guard let gradientBuffers else {
      return model.program.parameters.map { HostTensor(zeros: $0.shape) }
    }
    return try gradientBuffers.map { try $0.tensor() }
  }

  func parameters() throws -> [ParameterState] {
    try given.enumerated().map { index, given in
      var state = given
      state.value = try model.values[index].tensor()
      state.slots = try slots[index].mapValues { try $0.tensor() }
      return state
    }
  }
}
