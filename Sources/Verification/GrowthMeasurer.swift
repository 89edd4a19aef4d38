// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Text
import Training

/// Everything that one arithmetic measures of a pair of models.
struct GrowthMeasurer {
  /// The numbers, with what lies behind some of them.
  struct Numbers {
    var measurements: [VerificationCheck: MeasuredNumber] = [:]
    var copyDistances: [CopyDistance] = []
    var deadParameters: [DeadParameter] = []
    /// The small model's gradients on the first batch; nil where nobody knows the growth.
    var smallGradients: [[Double]]?
    /// The grown model's losses along the steps; nil where it was not trained.
    var grownLosses: [Double]?
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
    let error = try LogitDifference.measure(small, grown, batches: Array(batches.prefix(1)))
    numbers.measurements = error.measurements
    guard scope == .all else { return numbers }
    try measureGradients(&numbers)
    let losses = try [small, grown].map {
      try Trajectory.losses($0, batches: batches, training: training) {
        try progress("trajectory")
      }
    }
    numbers.measurements[.trajectory] = Trajectory.difference(of: losses[1], against: losses[0])
    numbers.grownLosses = losses[1]
    try progress("dead parameters")
    let search = try DeadParameter.search(
      grown, of: small, by: path, batches: liveBatches, smallBatch: batches[0], training: training)
    numbers.deadParameters = search.dead
    numbers.measurements[.deadParameters] = search.measurement
    if let path { try measureCopies(path, &numbers) }
    return numbers
  }

  private func measureGradients(_ numbers: inout Numbers) throws {
    guard let path, let batch = batches.first else { return }
    try progress("gradients")
    let gradients = try GradientMap.gradients(small, batch)
    numbers.measurements[.gradients] = try GradientMap.gradientDifference(
      of: GradientMap.gradients(grown, batch), in: grown.program, against: gradients, path: path)
    numbers.smallGradients = gradients
  }

  private func measureCopies(_ path: GrowthPath, _ numbers: inout Numbers) throws {
    let steps = (0..<symmetrySteps).map { batches[$0 % batches.count] }
    let pairs = try CopyPair.measure(
      grown, of: small, by: path, batches: steps, training: training
    ) { try progress("copies") }
    numbers.copyDistances = CopyDistance.all(pairs)
    numbers.measurements[.copyDistance] = pairs.meanDistance(after: symmetrySteps)
    numbers.measurements[.closestCopies] = pairs.smallestDistance(after: symmetrySteps)
  }
}
