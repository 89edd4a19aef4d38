// SPDX-License-Identifier: Apache-2.0
import Architectures
import RunLogs
import Tensors

extension TrainingLoop {
  /// Saves the state, unless it was saved after this very step.
  ///
  /// The log is on the disk before the checkpoint is, so that no saved step lacks its record.
  ///
  /// - Throws: ``TrainingError`` of code `nonFiniteLoss` where weights or moments are not finite,
  ///   and then nothing is saved; the errors of saving.
  public func saveCheckpoint() throws {
    do { try save() } catch let trouble as Trouble { throw try stopped(by: trouble) }
  }

  /// Saves the state where a checkpoint is due, now that the next gradient is in the engine.
  func saveIfDue() throws {
    guard status.health?.isSaveDue ?? false, surroundings.storage != nil else { return }
    try checkGradientNorm()
    let before = status.knownHealth
    status.markGood()
    do { try save() } catch {
      // What was not saved is nothing to go back to.
      status.knownHealth = before
      throw error
    }
    goodCheckpoint = lastCheckpoint.map { "'\($0)'" }
  }

  /// Checks the norm of a gradient that no step has applied yet.
  private func checkGradientNorm() throws {
    let norm = try session.gradientSquaredNorm().squareRoot()
    guard norm.isFinite else {
      throw Trouble(.gradientNorm, norm, step: status.progress.steps + 1)
    }
  }

  private func save() throws {
    guard surroundings.storage != nil, savedStep != status.progress.steps else { return }
    updateSeconds()
    try surroundings.profiler.during(.saving) { try write(checkedSnapshot()) }
    try record(event: .checkpoint, ["checkpoint": .text(lastCheckpoint ?? "")])
  }

  /// Hands a state to whoever saves it, unless it was learnt from data that are not what was prepared.
  func write(_ state: TrainingState) throws {
    guard let storage = surroundings.storage else { return }
    try data.verifyReads()
    try surroundings.validation?.verifyReads()
    try surroundings.log?.synchronize()
    lastCheckpoint = try storage.save(state)
    savedStep = state.status.progress.steps
  }

  private func checkedSnapshot() throws -> TrainingState {
    let state = try snapshot()
    for (spec, parameter) in zip(program.parameters, state.parameters) {
      for part in StatePart.all {
        guard let value = parameter[part]?.firstNonFinite else { continue }
        throw Trouble(
          .weights, Double(value), step: status.progress.steps, parameter: spec.name)
      }
    }
    return state
  }

  /// Measures and proves what an end needs: the last validation, and that the state which is about to
  /// be saved as good has a loss and a gradient in order.
  ///
  /// - Returns: false where that showed trouble and the run went back, so that it is not at its end.
  func isReady(for reason: TrainingOutcome.Reason) throws -> Bool {
    guard reason != .interrupted, hasTrained else { return true }
    let steps = status.progress.steps
    if evaluatedStep != steps { try evaluateOrMend() }
    if surroundings.storage != nil, savedStep != steps, status.progress.steps == steps {
      try mending {
        if status.progress.steps == steps { try proveGood() }
      }
    }
    return status.progress.steps == steps
  }

  /// Saves the state as one that the next batch proved good.
  private func proveGood() throws {
    _ = try preparedStep()
    try checkGradientNorm()
    try saveIfDue()
    try save()
    goodCheckpoint = lastCheckpoint.map { "'\($0)'" }
  }
}

extension HostTensor {
  /// The first float32 that is not finite; nil where all are.
  fileprivate var firstNonFinite: Float? {
    guard dtype == .float32 else { return nil }
    let exponent: UInt32 = 0x7F80_0000
    return withUnsafeBytes { bytes in
      // A pass that compilers make vectors of; only where it finds something, a search says what.
      var largest: UInt32 = 0
      for bits in bytes.bindMemory(to: UInt32.self) { largest = max(largest, bits & exponent) }
      guard largest == exponent else { return nil }
      return bytes.bindMemory(to: Float.self).first { !$0.isFinite }
    }
  }
}
