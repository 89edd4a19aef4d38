// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Text
import Training

/// Everything that one arithmetic measures of a pair of models.
struct GrowthMeasurer {
  /// The numbers, with what lies behind two of them.
  struct Numbers {
    var measurements: [VerificationCheck: MeasuredNumber] = [:]
    var copyDistances: [CopyDistance] = []
    var deadParameters: [DeadParameter] = []
  }

  let small: any MeasuredModel
  let grown: any MeasuredModel
  let path: GrowthPath?
  let batches: [TokenBatch]
  let liveBatches: [TokenBatch]
  let training: MeasuredTraining
  let symmetrySteps: Int
  let scope: ExactScope
  /// Called before each part and step, with the part's name.
  let progress: (String) throws -> Void

  func measure() throws -> Numbers {
    var numbers = Numbers()
    try progress("logits")
    let error = try LogitError.measure(small, grown, batches: Array(batches.prefix(1)))
    numbers.measurements[.logits] = MeasuredNumber(error.logits)
    numbers.measurements[.loss] = MeasuredNumber(error.loss)
    guard scope == .all else { return numbers }
    if let path, let batch = batches.first {
      try progress("gradients")
      numbers.measurements[.gradients] = try GradientMap.gradientError(
        small, grown, path: path, batch: batch)
    }
    numbers.measurements[.trajectory] = try Trajectory.error(
      small, grown, batches: batches, training: training
    ) { try progress("trajectory") }
    try progress("dead parameters")
    let search = try DeadParameter.search(
      grown, of: small, by: path, batches: liveBatches, smallBatch: batches[0], training: training)
    // Where gradients are no numbers, it is not the parameters that are dead.
    numbers.deadParameters = search.notFinite == nil ? search.dead : []
    numbers.measurements[.deadParameters] = search.measurement
    if let path { try measureCopies(path, &numbers) }
    return numbers
  }

  private func measureCopies(_ path: GrowthPath, _ numbers: inout Numbers) throws {
    let steps = (0..<symmetrySteps).map { batches[$0 % batches.count] }
    numbers.copyDistances = try CopyDistance.measure(
      grown, by: path, batches: steps, training: training
    ) { try progress("copies") }
    let means = numbers.copyDistances.map { MeasuredNumber($0.afterTraining, $0.space) }
    let closest = numbers.copyDistances.map { MeasuredNumber($0.smallestAfterTraining, $0.space) }
    numbers.measurements[.copyDistance] = .smallest(means)
    numbers.measurements[.closestCopies] = .smallest(closest)
  }
}
