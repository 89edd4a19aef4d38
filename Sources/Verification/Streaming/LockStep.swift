// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Growth
import Text

/// A small and a grown model computed side by side on the same tokens, layer by layer.
struct LockStep {
  /// What comes of it.
  struct Result {
    var error: LogitError
    var losses: VerificationReport.Losses
    /// From the embeddings on; nil where nobody tells how the model was grown.
    var streams: [StreamError]?
  }

  let small: LayerwiseModel
  let grown: LayerwiseModel
  let plans: [GrowthPlan]?
  let batch: TokenBatch
  let arithmetic: MatrixArithmetic
  /// Called with what is computed, and the parameters that were read of those to be read.
  let progress: (String, Int, Int) throws -> Void

  /// Computes both models.
  ///
  /// - Throws: ``VerificationError`` for models or batches that do not fit; the errors of Checkpoints
  ///   and of the matrix products; whatever `progress` throws.
  func measure() throws -> Result {
    try VerificationError.check(
      batch.targetCount > 0, .invalidBatch, "batch", "holds no target")
    try checkPlans()
    let counter = ReadCounter(small.readCount + grown.readCount, progress)
    let passes = try [small, grown].map {
      try $0.pass(batch, arithmetic, didRead: counter.add)
    }
    let streams = try compareStreams(passes[0], passes[1], counter)
    counter.part = "blocks"
    for pass in passes { try pass.runToHead() }
    counter.part = "head"
    let comparison = try compareLogits(passes[0], passes[1])
    return Result(error: comparison.error, losses: comparison.losses, streams: streams)
  }

  /// Checks that layers and maps of the plans are those of the models, one after the other.
  private func checkPlans() throws {
    guard let plans else { return }
    for (plan, next) in zip(plans, plans.dropFirst()) {
      try VerificationError.check(
        plan.target == next.source, .mismatch, next.operation,
        "is a growth of another model than the one before it leaves")
    }
    for plan in plans { _ = try plan.tensors() }
  }

  private func compareStreams(
    _ small: LayerwisePass, _ grown: LayerwisePass, _ counter: ReadCounter
  ) throws -> [StreamError]? {
    guard let plans, let smallStream = ResidualStream(small.program),
      let grownStream = ResidualStream(grown.program)
    else { return nil }
    let map = StreamMap(plans)
    func row(
      _ point: ResidualStream.Point, _ grownPoint: ResidualStream.Point
    ) throws -> Double {
      try small.run(through: point.operation)
      let expected = try small.value(point.value)
      try grown.run(through: grownPoint.operation)
      return distance(try grown.value(grownPoint.value), expected, map)
    }
    counter.part = "embeddings"
    var result = [StreamError(afterBlock: try row(smallStream.start, grownStream.start))]
    for counterpart in plans.counterparts(layerCount: grownStream.blocks.count) {
      counter.part = "layer \(counterpart.layer)"
      let block = grownStream.blocks[counterpart.layer]
      let after = smallStream.point(after: counterpart.smallCount)
      let middle = counterpart.smallLayer.map { smallStream.blocks[$0].attention } ?? after
      result.append(
        StreamError(
          layer: counterpart.layer, smallLayer: counterpart.smallLayer,
          afterAttention: try row(middle, block.attention),
          afterBlock: try row(after, block.feedForward)))
    }
    return result
  }

  /// The worst row's distance, relative to the norm of what it should be.
  private func distance(
    _ grown: Activations, _ small: Activations, _ map: StreamMap
  ) -> Double {
    var worst = 0.0
    for index in 0..<grown.rowCount {
      let row = UnsafeBufferPointer(start: small.row(index), count: small.columnCount)
      var (difference, norm) = (0.0, 0.0)
      for (column, expected) in map.grown(row.map(Double.init)).enumerated() {
        guard let expected else { continue }
        let error = Double(grown.row(index)[column]) - expected
        difference += error * error
        norm += expected * expected
      }
      let error = difference == 0 ? 0 : (difference / norm).squareRoot()
      if !(error <= worst), !worst.isNaN { worst = error }
    }
    return worst
  }

  private func compareLogits(
    _ small: LayerwisePass, _ grown: LayerwisePass
  ) throws -> LogitComparison {
    let sizes = [small, grown].map { $0.program.configuration.vocabularySize }
    try VerificationError.check(
      sizes[0] <= sizes[1], .mismatch, "vocabulary",
      "the grown model knows \(sizes[1]) tokens, the small one \(sizes[0])")
    let width = max(
      small.program.configuration.hiddenSize, grown.program.configuration.hiddenSize)
    // Logits of all rows are held too.
    let length = max(width, batch.inputs.count)
    var comparison = LogitComparison(batch)
    for tokens in grown.blocks(rows: sizes[0], length: length) {
      comparison.add(
        try small.logits(of: tokens), try grown.logits(of: tokens), from: tokens.lowerBound)
    }
    for tokens in grown.blocks(rows: sizes[1] - sizes[0], length: length) {
      let first = sizes[0] + tokens.lowerBound
      comparison.add(try grown.logits(of: first..<first + tokens.count), from: first)
    }
    return comparison
  }
}

/// Counts parameters that were read.
private final class ReadCounter {
  var part = "embeddings"
  private let total: Int
  private var done = 0
  private let report: (String, Int, Int) throws -> Void

  init(_ total: Int, _ report: @escaping (String, Int, Int) throws -> Void) {
    self.total = total
    self.report = report
  }

  func add(_ count: Int) throws {
    done = min(total, done + count)
    try report(part, done, total)
  }
}

extension GrowthMeasurer.Numbers {
  /// Takes over what was compared, but for what an engine has measured already.
  mutating func add(_ result: LockStep.Result) {
    let functions: [VerificationCheck: Double] = [
      .logits: result.error.logits, .loss: result.error.loss,
    ]
    for (check, value) in functions where measurements[check] == nil {
      measurements[check] = MeasuredNumber(value)
    }
    measurements[.residual] = result.streams?.worstFirst.first.map {
      MeasuredNumber($0.worst, $0.name)
    }
  }
}
